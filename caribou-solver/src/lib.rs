//! Carbon, cost and runtime of deployment plans, and the search for the best one. Pure computation.
//!
//! [`Problem::new`] checks a graph, its workload, region facts and the manifest; [`solve`](fn@solve) finds a placement for each
//! hour of the day; [`price_run`] says what one observed run caused, by the same models.
//!
//! | module | what it holds |
//! |---|---|
//! | [`problem`] | [`Problem`]: the input, checked once |
//! | [`model`] | the formulas: power, transmission, cost, runtime |
//! | [`sample`] | [`Samples`]: joint samples of whole runs, or of another model's making |
//! | [`score`] | [`Scorer`]: what a placement is worth |
//! | [`estimate`] | [`Estimate`]: mean and 95th percentile with their intervals |
//! | [`objective`] | [`Objective`]: what one search minimises |
//! | [`limit`] | [`Limits`](limit::Limits): hard and soft constraints |
//! | [`algorithm`] | [`Algorithm`](algorithm::Algorithm) and its implementations |
//! | [`mod@explain`] | [`Explanation`]: why each stage runs where it does |
//! | [`mod@pareto`] | [`Front`]: what can be had of carbon, cost and runtime |
//! | [`mod@solve`] | [`solve`](fn@solve), [`Settings`] |
//! | [`solution`] | [`Solution`]: what was found for each hour |
//! | [`generate`] | [`Case`](generate::Case): seeded cases for benchmarks and tests |
//! | [`attribution`] | [`price_run`]: one observed run |

pub mod algorithm;
pub mod attribution;
mod coefficient;
pub mod estimate;
pub mod explain;
pub mod generate;
pub mod limit;
pub mod model;
pub mod objective;
pub mod pareto;
pub mod problem;
pub mod sample;
pub mod score;
mod smooth;
pub mod solution;
pub mod solve;
mod usage;

pub use algorithm::{Method, SolveError};
pub use attribution::{EdgePrice, RunPrice, StagePrice, price_run};
pub use estimate::{Estimate, Interval};
pub use explain::{Explanation, Held, StageReason, explain};
pub use objective::Objective;
pub use pareto::{Front, pareto};
pub use problem::{Problem, ProblemError};
pub use sample::Samples;
pub use score::Scorer;
pub use solution::{Figures, HourSolution, Solution, StaysHome};
pub use solve::{Settings, enough_samples, solve, solve_samples};
