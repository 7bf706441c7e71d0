//! A bootstrap whose author forgot to name the library of workflows, so that none is linked.

caribou::main!();
