//! The crate in which the attributes must raise no warning, once more for clippy, which does not see the cases of `ui`.

#[path = "ui/workflow/pass/good_guest.rs"]
pub mod good_guest;

#[test]
fn a_good_guest_raises_no_warning() {
    good_guest::main();
}
