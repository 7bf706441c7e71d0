//! What a slice of a workflow's body sends.

use bytes::Bytes;
use caribou_model::NodeId;
use serde::Serialize;

use crate::function::Argument;
use crate::{Function, Payload, RouteError, Value, codec};

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
    /// The values, in the order that the receiver expects; of a map those that all its items share.
    pub values: Vec<Value>,
    /// Of a map: what is not shared.
    pub items: Option<Items>,
}

/// What the items of a map do not share.
#[derive(Clone, Debug, PartialEq)]
pub struct Items {
    /// For each argument of the function, whether all items share it.
    pub shared: Vec<bool>,
    /// The values of each item, for the arguments that are not shared.
    pub own: Vec<Vec<Value>>,
}

/// The arguments of one item: those that are `shared` and its `own`, each in their order.
pub fn interleave<T: Clone>(shared: &[bool], values: &[T], own: &[T]) -> Vec<T> {
    let (mut values, mut own) = (values.iter(), own.iter());
    shared.iter().filter_map(|shared| if *shared { values.next() } else { own.next() }).cloned().collect()
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

    /// Encodes a variable that is read further on.
    ///
    /// # Errors
    ///
    /// [`RouteError::Encode`] if the value cannot be encoded without loss.
    pub fn carry<T: Payload>(&self, value: &T) -> Result<Value, RouteError> {
        self.encode(value)
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
        self.deliveries.push(Delivery { to, slot, values: values.into_iter().collect(), items: None });
    }

    /// Starts a map: one call of its function for each of `items`. `arguments` has one entry for each argument of the
    /// function: a value that all items share, or `None` for what is taken from the item, in order.
    pub fn dispatch(
        &mut self,
        to: NodeId,
        arguments: impl IntoIterator<Item = Option<Value>>,
        items: Vec<Vec<Value>>,
    ) {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let shared = arguments.iter().map(Option::is_some).collect();
        let values = arguments.into_iter().flatten().collect();
        self.deliveries.push(Delivery { to, slot: 0, values, items: Some(Items { shared, own: items }) });
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
        assert_eq!(deliveries, [Delivery { to: NodeId(1), slot: 0, values: vec![first, last], items: None }]);
        assert_eq!(proceed, None);
    }

    #[test]
    fn what_the_items_of_a_map_share_is_kept_once() {
        let mut out = Outbox::new();
        let [shared, a, b, c] = ["shared", "a", "b", "c"].map(|text| out.encode(text).unwrap());
        let own = vec![vec![a.clone(), b.clone()], vec![c.clone(), b.clone()]];
        out.dispatch(NodeId(2), [None, Some(shared.clone()), None], own);
        let [delivery] = <[_; 1]>::try_from(out.into_parts().0).unwrap();
        let items = delivery.items.unwrap();
        assert_eq!(delivery.values, std::slice::from_ref(&shared));
        let arguments = |item: usize| interleave(&items.shared, &delivery.values, &items.own[item]);
        assert_eq!((arguments(0), arguments(1)), (vec![a, shared.clone(), b.clone()], vec![c, shared, b]));
    }
}
