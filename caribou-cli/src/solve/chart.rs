//! The day as a picture: home against plan, hour by hour.

use std::fmt::Write as _;

use caribou_control::quantity;
use caribou_model::Region;
use caribou_solver::{HourSolution, Solution, StaysHome};

/// Rows of the picture.
const ROWS: usize = 8;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What home is marked with below the picture.
const HOME: char = 'h';

/// The carbon of home and plan by hour, and below each hour the region that most stages run in. `None` for less than two
/// hours, or where there is no carbon to show. Without `blocks` it is plain ASCII.
pub(super) fn chart(solution: &Solution, blocks: bool) -> Option<String> {
    let hours: Vec<&HourSolution> =
        solution.hours.iter().filter(|hour| hour.stays_home != Some(StaysHome::NotAsked)).collect();
    let carbon = |hour: &HourSolution| {
        [&hour.at_home, &hour.expected].map(|figures| figures.carbon(solution.transmission).mean.value)
    };
    let most = hours.iter().flat_map(|hour| carbon(hour)).fold(0.0, f64::max);
    if hours.len() < 2 || most <= 0.0 {
        return None;
    }
    let [full, half] = [most, most / 2.0].map(quantity::grams);
    let width = full.chars().count().max(half.chars().count());
    let (home, plan) = if blocks { ("░", "█") } else { (":", "#") };
    let mut text = format!("Carbon (CO2eq) per run by hour, UTC; home is {home}, the plan {plan}\n");
    for row in (0..ROWS).rev() {
        let label = match row {
            _ if row + 1 == ROWS => full.as_str(),
            _ if row + 1 == ROWS / 2 => half.as_str(),
            _ => "",
        };
        let mut line = format!("{label:>width$} {}", if blocks { '│' } else { '|' });
        for hour in &hours {
            let [at_home, expected] = carbon(hour).map(|carbon| carbon / most * ROWS as f64 - row as f64);
            line.push_str(if at_home >= 0.5 { home } else { " " });
            line.push(if blocks {
                // a figure above zero leaves a trace
                let eighths = (expected * 8.0).round().clamp(0.0, 8.0) as usize;
                EIGHTHS[if row == 0 { eighths.max(1) } else { eighths }]
            } else if expected >= 0.5 || row == 0 {
                '#'
            } else {
                ' '
            });
            line.push(' ');
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let mut letters: Vec<(char, &Region)> = vec![(HOME, &solution.home)];
    let (mut numbers, mut marks) = (" ".repeat(width + 2), " ".repeat(width + 2));
    for hour in &hours {
        let _ = write!(numbers, "{:<3}", u8::from(hour.hour));
        let mark = most_stages(hour).map_or('?', |region| letter(&mut letters, region));
        let _ = write!(marks, "{mark:<3}");
    }
    let legend: Vec<String> = letters
        .iter()
        .filter(|(mark, _)| marks.contains(*mark))
        .map(|(mark, region)| {
            let home = if **region == solution.home { ", home" } else { "" };
            format!("{mark} {}{home}", region.code())
        })
        .collect();
    let _ = write!(text, "{}\n{}\n", numbers.trim_end(), marks.trim_end());
    let _ = write!(text, "Most stages run in: {}", legend.join("; "));
    Some(text)
}

fn letter<'r>(letters: &mut Vec<(char, &'r Region)>, region: &'r Region) -> char {
    if let Some((mark, _)) = letters.iter().find(|(_, known)| *known == region) {
        return *mark;
    }
    let index = u8::try_from(letters.len() - 1).unwrap_or(u8::MAX);
    let mark = if index < 26 { char::from(b'A' + index) } else { '*' };
    letters.push((mark, region));
    mark
}

/// The region that most stages run in; of several the one that comes first.
fn most_stages(hour: &HourSolution) -> Option<&Region> {
    let placement = &hour.placement;
    let stages = || (0..).map_while(|stage| placement.region_of(stage));
    let count = |region: &Region| stages().filter(|other| *other == region).count();
    // `max_by_key` would give the last
    stages().fold(None, |most: Option<&Region>, region| match most {
        Some(known) if count(known) >= count(region) => Some(known),
        _ => Some(region),
    })
}

#[cfg(test)]
mod tests {
    use caribou_model::{Hour, Metric, Placement, Transmission};
    use caribou_solver::{Figures, Method};

    use super::*;

    const VIRGINIA: Region = Region::aws("us-east-1");
    const QUEBEC: Region = Region::aws("ca-central-1");

    fn figures(carbon: f64) -> Figures {
        let mut figures = Figures::default();
        figures.carbon_best.mean.value = carbon;
        figures
    }

    /// Home at one gram all day; three stages, two of which go away in every second hour and leave a quarter.
    fn solution(asked: usize) -> Solution {
        let hour = |hour: Hour| {
            let (stays_home, there, carbon) = match hour.index() {
                index if index >= asked => (Some(StaysHome::NotAsked), VIRGINIA, 1.0),
                index if index % 2 == 0 => (None, QUEBEC, 0.25),
                _ => (Some(StaysHome::NothingBetter), VIRGINIA, 1.0),
            };
            HourSolution {
                hour,
                placement: Placement::new(&[VIRGINIA, there.clone(), there]).unwrap(),
                expected: figures(carbon),
                at_home: figures(1.0),
                gap: 0.0,
                broken_soft_limits: 0,
                stays_home,
            }
        };
        Solution {
            workflow: "press".into(),
            version: "1".into(),
            home: VIRGINIA,
            month: 1,
            algorithm: Method::Exact,
            priority: Metric::ALL.to_vec(),
            weights: None,
            transmission: Transmission::Best,
            samples: 1,
            placements: 1,
            hours: Hour::all().map(hour).collect(),
        }
    }

    #[test]
    fn in_plain_text_the_chart_is_ascii_and_tells_where_most_stages_run() {
        let text = chart(&solution(4), false).unwrap();
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!(text, @r"
        Carbon (CO2eq) per run by hour, UTC; home is :, the plan #
         1.000 g |:  :# :  :#
                 |:  :# :  :#
                 |:  :# :  :#
                 |:  :# :  :#
        500.0 mg |:  :# :  :#
                 |:  :# :  :#
                 |:# :# :# :#
                 |:# :# :# :#
                  0  1  2  3
                  A  h  A  h
        Most stages run in: h us-east-1, home; A ca-central-1
        ");
    }

    #[test]
    fn in_blocks_a_quarter_is_two_rows_of_eight() {
        insta::assert_snapshot!(chart(&solution(2), true).unwrap(), @r"
        Carbon (CO2eq) per run by hour, UTC; home is ░, the plan █
         1.000 g │░  ░█
                 │░  ░█
                 │░  ░█
                 │░  ░█
        500.0 mg │░  ░█
                 │░  ░█
                 │░█ ░█
                 │░█ ░█
                  0  1
                  A  h
        Most stages run in: h us-east-1, home; A ca-central-1
        ");
    }

    #[test]
    fn one_hour_is_no_day() {
        assert_eq!(chart(&solution(1), false), None);
    }
}
