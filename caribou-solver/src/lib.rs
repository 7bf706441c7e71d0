//! Carbon, cost and runtime of deployment plans, and the search for the best one. Pure computation.
