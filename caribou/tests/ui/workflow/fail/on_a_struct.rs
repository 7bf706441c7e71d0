#[caribou::workflow]
struct Press {
    number: u64,
}

fn main() {}
