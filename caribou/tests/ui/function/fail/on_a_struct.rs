#[caribou::function]
struct Press;

fn main() {}
