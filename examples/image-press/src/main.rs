//! The bootstrap: one binary that serves every function of the workflow.

use image_press as _;

caribou::main!();
