//! What compiles, and what is refused in which words.

use std::path::Path;

/// What every case finds beside its `Cargo.toml`.
const MANIFEST: &str = "home = \"aws:us-east-1\"\n\n[functions.archive]\ndeny = [\"aws:us-east-1\"]\n";

#[test]
fn ui() {
    // where trybuild compiles the cases of this package
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let package = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("caribou.toml"), MANIFEST).unwrap();

    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*/pass/*.rs");
    cases.compile_fail("tests/ui/*/fail/*.rs");
}
