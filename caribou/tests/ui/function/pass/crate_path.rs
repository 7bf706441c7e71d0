//! The dependency has another name: `::caribou` is not what it seems.

mod reexport {
    pub use caribou;
}

use reexport::caribou as deer;

mod own {
    use super::deer::{Context, Result};

    #[deer::function(crate = crate::reexport::caribou)]
    pub(crate) async fn press(context: &Context, number: u64) -> Result<u64> {
        Ok(number + u64::from(context.attempt))
    }

    #[deer::function(crate = super::deer)]
    pub(crate) async fn print(number: u64) -> Result<u64> {
        Ok(number * 2)
    }

    #[deer::workflow(crate = super::deer, version = "0.1.0")]
    pub(crate) async fn card(number: u64) -> Result<u64> {
        let pressed = press(number).await?;
        print(pressed).await
    }

    use super::deer;
}

fn main() {
    let graph = (own::card::WORKFLOW.graph)();
    assert_eq!(graph.functions.len(), 2);
}
