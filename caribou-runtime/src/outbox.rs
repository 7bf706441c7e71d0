//! What a slice of a workflow's body sends.

use bytes::Bytes;
use caribou_model::NodeId;
use serde::Serialize;

use crate::function::Argument;
use crate::{Function, RouteError, Value, codec};

/// Collects what one slice of the body decides, before anything is sent.
#[derive(Debug, Default)]
pub struct Outbox {
    deliveries: Vec<Delivery>,
    proceed: Option<Vec<Value>>,
}

/// Values for one slot of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The receiving node.
    pub to: NodeId,
    /// The slot that it fills.
    pub slot: u8,
    /// The values, in the order that the receiver expects.
    pub values: Vec<Value>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// [`RouteError::Encode`] if the value cannot be encoded without loss.
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Value, RouteError> {
        match codec::encode(value) {
            Ok(bytes) => Ok(Value::Inline(Bytes::from(bytes))),
            Err(cause) => Err(RouteError::Encode { type_name: std::any::type_name::<T>(), cause }),
        }
    }

    /// Encodes the argument at position `N` of a function, as the type that the function asks for.
    ///
    /// # Errors
    ///
    /// [`RouteError::Encode`] if the value cannot be encoded without loss.
    pub fn argument<F: Function, const N: usize>(
        &self,
        value: &<F::Input as Argument<N>>::Type,
    ) -> Result<Value, RouteError>
    where
        F::Input: Argument<N>,
    {
        match codec::encode_payload(value) {
            Ok(bytes) => Ok(Value::Inline(Bytes::from(bytes))),
            Err(cause) => Err(RouteError::Encode { type_name: std::any::type_name_of_val(value), cause }),
        }
    }

    /// Sends values to a slot of a node. Sending to the result node ends the run with the one value given.
    pub fn send(&mut self, to: NodeId, slot: u8, values: impl IntoIterator<Item = Value>) {
        self.deliveries.push(Delivery { to, slot, values: values.into_iter().collect() });
    }

    /// Stands for a value that is not known yet when the others are sent; [`fill`](Self::fill) puts it in its place. A
    /// value that is never filled in is never read.
    pub fn later(&self) -> Value {
        Value::Inline(Bytes::from(codec::encode(&()).unwrap_or_default()))
    }

    /// Puts a value at a position of what goes to a slot, if anything does.
    pub fn fill(&mut self, to: NodeId, slot: u8, position: usize, value: Value) {
        let mut deliveries = self.deliveries.iter_mut();
        let delivery = deliveries.find(|delivery| delivery.to == to && delivery.slot == slot);
        if let Some(place) = delivery.and_then(|delivery| delivery.values.get_mut(position)) {
            *place = value;
        }
    }

    /// At a sync node: the values with which its own stage goes on (arguments, then what is read further on), or
    /// the result's one value.
    pub fn proceed(&mut self, values: impl IntoIterator<Item = Value>) {
        self.proceed = Some(values.into_iter().collect());
    }

    /// What was sent, in the author's order, and what the node itself goes on with.
    pub fn into_parts(self) -> (Vec<Delivery>, Option<Vec<Value>>) {
        (self.deliveries, self.proceed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_comes_later_takes_its_place() {
        let mut out = Outbox::new();
        let (first, last) = (out.encode("first").unwrap(), out.encode("last").unwrap());
        out.send(NodeId(1), 0, [first.clone(), out.later()]);
        out.fill(NodeId(1), 0, 1, last.clone());
        out.fill(NodeId(2), 0, 0, last.clone());
        let (deliveries, proceed) = out.into_parts();
        assert_eq!(deliveries, [Delivery { to: NodeId(1), slot: 0, values: vec![first, last] }]);
        assert_eq!(proceed, None);
    }
}
