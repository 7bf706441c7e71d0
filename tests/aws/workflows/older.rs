//! A workflow in its first version.

use caribou::prelude::*;

/// Sets a page.
#[caribou::function]
pub(crate) async fn set(page: u64) -> Result<u64> {
    Ok(page + 100)
}

/// Prints it.
#[caribou::function]
pub(crate) async fn print(page: u64) -> Result<String> {
    Ok(format!("page {page}, first edition"))
}

/// Two stages.
#[caribou::workflow(name = "edition", version = "0.1.0")]
pub(crate) async fn edition(page: u64) -> Result<String> {
    let set = set(page).await?;
    print(set).await
}
