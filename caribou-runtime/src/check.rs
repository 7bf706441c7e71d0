//! What the expansion of `#[caribou::workflow]` checks when the author's crate is compiled: what only the compiler sees
//! of all functions of a workflow at once.

use crate::{Function, Workflow};

/// The faults of the functions of a workflow, in their order: `faults!(workflow, home, functions..)`.
#[macro_export]
macro_rules! faults {
    ($workflow:expr, $home:expr, $($function:ty),*) => {
        $crate::check::Fault::find(&$workflow, [$($crate::check::Known::of::<$function>()),*], $home)
    };
}

/// The longest name of a Lambda function.
const LONGEST_LAMBDA_NAME: usize = 64;

/// What is known of a function at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    name: &'static str,
    allow: &'static [&'static str],
    deny: &'static [&'static str],
    source: &'static str,
}

impl Known {
    /// What is known of `F`.
    #[must_use]
    pub const fn of<F: Function>() -> Self {
        Self { name: F::NAME, allow: F::ALLOW, deny: F::DENY, source: F::SOURCE }
    }

    const fn may_run_in(&self, region: &str) -> bool {
        (self.allow.is_empty() || contains(self.allow, region)) && !contains(self.deny, region)
    }
}

/// The manifest's home region.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    /// Its code.
    pub region: &'static str,
    /// The functions that the manifest keeps from it.
    pub closed_to: &'static [&'static str],
}

/// What is wrong with one function of a workflow.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    text: [u8; Fault::LONGEST],
    length: usize,
}

impl Fault {
    /// The longest text of a fault, in bytes; what does not fit is left out.
    const LONGEST: usize = 1024;
    const NONE: Self = Self { text: [0; Self::LONGEST], length: 0 };

    /// The first fault of each function.
    #[must_use]
    pub const fn find<const N: usize>(
        workflow: &Workflow,
        functions: [Known; N],
        home: Option<Home>,
    ) -> [Self; N] {
        let mut faults = [Self::NONE; N];
        let mut index = 0;
        while index < N {
            faults[index] = Self::of(workflow, &functions, index, home);
            index += 1;
        }
        faults
    }

    const fn of(workflow: &Workflow, functions: &[Known], index: usize, home: Option<Home>) -> Self {
        let none = Self::NONE;
        let function = &functions[index];
        let dashes = 2;
        let length = workflow.name.len() + workflow.version.len() + function.name.len() + dashes;
        if length > LONGEST_LAMBDA_NAME {
            return none
                .with("function `")
                .with(function.name)
                .with("` would be deployed as `")
                .with(workflow.name)
                .with("-")
                .with(workflow.version)
                .with("-")
                .with(function.name)
                .with("`, which has ")
                .with_number(length)
                .with(" characters; Lambda allows 64: give the workflow a shorter `name`, as in \
                       `#[caribou::workflow(name = \"..\")]`, or the function, as in `#[caribou::function(name = \"..\")]`");
        }
        let mut other = 0;
        while other < index {
            let earlier = &functions[other];
            if equal(earlier.name, function.name) && !equal(earlier.source, function.source) {
                return none
                    .with("two functions of this workflow are called `")
                    .with(function.name)
                    .with("`: ")
                    .with(earlier.source)
                    .with(" and ")
                    .with(function.source)
                    .with("; give one of them another name, as in `#[caribou::function(name = \"..\")]`");
            }
            other += 1;
        }
        let Some(home) = home else { return none };
        if !function.may_run_in(home.region) {
            let rule = if contains(function.deny, home.region) { "denied by" } else { "not among those of" };
            return none
                .with("function `")
                .with(function.name)
                .with("` may not run in the home region aws:")
                .with(home.region)
                .with(" of caribou.toml, where every function is deployed: it is ")
                .with(rule)
                .with(" its `regions`; permit it there, or choose another home");
        }
        if contains(home.closed_to, function.name) {
            return none
                .with("caribou.toml does not let function `")
                .with(function.name)
                .with("` run in the home region aws:")
                .with(home.region)
                .with(", where every function is deployed: permit it in [functions.")
                .with(function.name)
                .with("], or choose another home");
        }
        none
    }

    /// Lets the compiler say what is wrong.
    ///
    /// # Panics
    ///
    /// If anything is: in the compiler, where this is called.
    #[track_caller]
    pub const fn report(&self) {
        if let Some(text) = self.text() {
            panic!("{}", text);
        }
    }

    /// What is wrong and what to do, if anything is.
    #[must_use]
    pub const fn text(&self) -> Option<&str> {
        if self.length == 0 {
            return None;
        }
        match std::str::from_utf8(self.text.split_at(self.length).0) {
            Ok(text) => Some(text),
            Err(_) => {
                Some("a function of this workflow cannot be deployed; its name is too long to be printed")
            }
        }
    }

    const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut index = 0;
        while index < text.len() && self.length < Self::LONGEST {
            self.text[self.length] = text[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    const fn with_number(self, number: usize) -> Self {
        let this = if number >= 10 { self.with_number(number / 10) } else { self };
        this.with("0123456789".split_at(number % 10).1.split_at(1).0)
    }
}

const fn contains(texts: &[&str], text: &str) -> bool {
    let mut index = 0;
    while index < texts.len() {
        if equal(texts[index], text) {
            return true;
        }
        index += 1;
    }
    false
}

const fn equal(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    left.len() == right.len()
}

#[cfg(test)]
mod tests {
    use caribou_model::Graph;

    use super::*;
    use crate::draft::Draft;

    const WORKFLOW: Workflow = Workflow {
        name: "press",
        version: "0.1.0",
        parameters: &[],
        graph: || -> Graph { Draft::new("press", "0.1.0").finish() },
        route: |_, _, _| Ok(()),
        reads: |_| &[],
        call: |_| None,
        plain: |input| Box::pin(async { Ok(input) }),
    };
    const HOME: Home = Home { region: "us-east-1", closed_to: &["archive"] };

    const fn function(name: &'static str) -> Known {
        Known { name, allow: &[], deny: &[], source: "press::resize (src/lib.rs:1)" }
    }

    fn fault<const N: usize>(functions: [Known; N]) -> String {
        Fault::find(&WORKFLOW, functions, Some(HOME))[N - 1].text().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_function_that_may_run_at_home_is_fine() {
        assert_eq!(fault([function("resize")]), "");
        assert_eq!(fault([Known { allow: &["us-west-2", "us-east-1"], ..function("resize") }]), "");
    }

    #[test]
    fn a_long_name_is_told_in_full_and_counted() {
        const LONG: &str = "a_function_whose_name_says_more_than_a_name_should_ever_say";
        let text = fault([function(LONG)]);
        assert!(text.contains(&format!("`press-0.1.0-{LONG}`, which has 71 characters")), "{text}");
        assert_eq!(fault([function("a_name_that_just_fits_into_the_sixty_four_of_lambda_")]), "");
    }

    #[test]
    fn one_function_by_two_paths_is_fine_and_two_of_one_name_are_not() {
        assert_eq!(fault([function("resize"), function("resize")]), "");
        let other = Known { source: "press::other::resize (src/other.rs:7)", ..function("resize") };
        let text = fault([function("resize"), other]);
        assert!(text.contains("press::resize (src/lib.rs:1) and press::other::resize"), "{text}");
    }

    #[test]
    fn home_must_be_permitted_by_the_code_and_by_the_manifest() {
        let denied = fault([Known { deny: &["us-east-1"], ..function("resize") }]);
        assert!(denied.contains("`resize` may not run in the home region aws:us-east-1"), "{denied}");
        let elsewhere = fault([Known { allow: &["us-west-2"], ..function("resize") }]);
        assert!(elsewhere.contains("not among those of its `regions`"), "{elsewhere}");
        let closed = fault([function("archive")]);
        assert!(closed.contains("[functions.archive]"), "{closed}");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        let long: &'static str = "x".repeat(2000).leak();
        assert!(fault([function(long)]).starts_with("function `xxx"));
    }
}
