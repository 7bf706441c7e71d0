//! The attributes of Caribou: function and workflow.
