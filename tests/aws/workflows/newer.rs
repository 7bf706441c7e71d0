//! The same workflow in its second version, which does something else.

use caribou::prelude::*;

/// Sets a page.
#[caribou::function]
pub(crate) async fn set(page: u64) -> Result<u64> {
    Ok(page + 200)
}

/// Prints it.
#[caribou::function]
pub(crate) async fn print(page: u64) -> Result<String> {
    Ok(format!("page {page}, second edition"))
}

/// Two stages.
#[caribou::workflow(name = "edition", version = "0.2.0")]
pub(crate) async fn edition(page: u64) -> Result<String> {
    let set = set(page).await?;
    print(set).await
}
