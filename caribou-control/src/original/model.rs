//! Which model plans are judged by.

/// What a plan is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// This project's model, on runs built from the tables.
    #[default]
    Caribou,
    /// The original's model, with those of its known deviations.
    Original(Deviations),
}

impl Model {
    /// The original's model as it is, with everything that it does by mistake.
    pub const ORIGINAL: Self = Self::Original(Deviations::ALL);
}

/// What the original does other than it means to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched on its own")]
pub struct Deviations {
    /// The last value of a list is never drawn, unless it is the only one.
    pub last_never_drawn: bool,
    /// Prices of messages and of the store are looked up under keys that its collectors do not write, so that
    /// [`MESSAGE_USD`] and the like apply everywhere.
    pub prices_not_found: bool,
    /// So are the sizes of a sync node's answers and of the message that invokes it: 1 KiB each.
    pub sync_sizes_not_found: bool,
    /// A sync node starts when the message of its last caller arrives, not when the last message arrives.
    pub starts_at_last_caller: bool,
}

impl Deviations {
    /// All of them: the original as it is.
    pub const ALL: Self = Self {
        last_never_drawn: true,
        prices_not_found: true,
        sync_sizes_not_found: true,
        starts_at_last_caller: true,
    };
    /// None: the original as it is meant.
    pub const NONE: Self = Self {
        last_never_drawn: false,
        prices_not_found: false,
        sync_sizes_not_found: false,
        starts_at_last_caller: false,
    };
}

/// What the original charges for a message where it finds no price, in USD.
pub const MESSAGE_USD: f64 = 5e-7;
/// What it charges for a store read unit, in USD.
pub const READ_USD: f64 = 2.5e-7;
/// What it charges for a store write unit, in USD.
pub const WRITE_USD: f64 = 1.25e-6;
