//! The bootstrap of every workflow in this package.

use caribou_tests as _;

caribou::main!();
