//! The functions of the workflow, one a file, in the order in which a photo meets them.

pub mod inspect;

pub mod denoise;

pub mod develop;

pub mod resize;

pub mod palette;

pub mod card;

pub mod publish;
