use caribou::prelude::*;

#[caribou::function]
async fn twice(a: &Context, text: String, b: &caribou::Context) -> Result<String> {
    Ok(format!("{text} {a:?} {b:?}"))
}

#[caribou::function]
async fn mutable(context: &mut Context) -> Result<u32> {
    Ok(context.attempt)
}

#[caribou::function]
async fn another(_context: &std::task::Context<'static>) -> Result<()> {
    Ok(())
}

fn main() {}
