//! Values get their names: those that arrived, and those that are made here.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;

use super::{Emitter, number, position};
use crate::workflow::body::{Body, Code, GlueForm, Use, VarId, VariableKind};
use crate::workflow::compiled;
use crate::workflow::leave;
use crate::workflow::message::{self, Content};
use crate::workflow::slice::Act;

impl Emitter<'_> {
    pub(super) fn parameters(&mut self) -> TokenStream {
        let parameters = self.compiled.body.parameters.clone();
        let mut code = TokenStream::new();
        for (index, id) in parameters.into_iter().enumerate() {
            if self.wants(id) {
                self.reads.insert(position(index));
                let name = self.binding_name(id);
                let value = self.compiled.take(id, position(index));
                code.extend(quote!(let #name = #value;));
                code.extend(self.bind(&[id]));
            }
        }
        code
    }

    /// `name` or `mut name`, as the slice needs it.
    pub(super) fn binding_name(&self, id: VarId) -> TokenStream {
        let variable = self.compiled.body.variable(id);
        let name = &variable.name;
        let written = self
            .native
            .iter()
            .any(|other| *other != id && self.compiled.body.variable(*other).first == variable.first);
        if variable.mutable && written { quote!(mut #name) } else { quote!(#name) }
    }

    /// A value that arrived gets its name; an alias is made anew.
    pub(super) fn arrive(&mut self, id: VarId) -> TokenStream {
        if self.bound.contains(&id) {
            return TokenStream::new();
        }
        let body = &self.compiled.body;
        let alias =
            body.glue.iter().find(|glue| matches!(glue.form, GlueForm::Alias(_)) && glue.binds.contains(&id));
        if let Some(glue) = alias {
            let GlueForm::Alias(pattern) = &glue.form else { return TokenStream::new() };
            if !glue.code.uses.iter().all(|touch| self.sees(touch)) {
                // what it points at is not there on this way, and so is nobody who reads it
                return TokenStream::new();
            }
            let expr = &glue.code.expr;
            self.bind(&glue.binds);
            return quote!(let #pattern = #expr;);
        }
        let Some(index) = self.position_of(Content::Variable(id)) else { return TokenStream::new() };
        let variable = body.variable(id);
        if variable.kind == VariableKind::Borrowing {
            self.errors.at(
                &variable.name,
                format!(
                    "`{0}` borrows, and is read after a stage that may run elsewhere: clone the value (`let {0} = \
                     ...clone();`) or move it",
                    body.display(id)
                ),
            );
        }
        self.reads.insert(index);
        let name = self.binding_name(id);
        let value = self.compiled.take(id, index);
        self.declare(id);
        quote!(let #name = #value;)
    }

    pub(super) fn position_of(&self, content: Content) -> Option<u16> {
        self.incoming.iter().position(|other| *other == content).map(position)
    }

    pub(super) fn declare(&mut self, id: VarId) {
        self.bound.insert(id);
        let name = self.compiled.name(id).to_string();
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, id);
        }
    }

    /// What follows the binding of variables: their types, and what must be encoded now.
    pub(super) fn bind(&mut self, variables: &[VarId]) -> TokenStream {
        let out = compiled::out();
        let mut code = TokenStream::new();
        for id in variables {
            self.declare(*id);
            let variable = self.compiled.body.variable(*id);
            let name = &variable.name;
            if let Some(tag) = self.compiled.type_name(*id).filter(|_| variable.first == *id) {
                code.extend(quote!(#tag.of(&#name);));
            }
            if self.kept.contains(id) {
                let kept = kept(name);
                let value = self.carried(*id);
                match self.outliving.get_mut(id) {
                    Some(made) => {
                        *made = true;
                        code.extend(quote!(#kept = #value;));
                    }
                    None => code.extend(quote!(let #kept = #value;)),
                }
            }
            for (node, slot, index) in self.late.remove(id).unwrap_or_default() {
                let value = self.encoded(*id);
                let (node, slot, index) = (self.compiled.constant(node), number(slot), number(index));
                code.extend(quote!(#out.fill(Self::#node, #slot, #index, #value);));
            }
        }
        code
    }

    /// What a step binds in a block of its own, and later steps send: it is kept where they see it.
    pub(super) fn outliving(&mut self, act: &Act, later: &[Act]) -> TokenStream {
        let hidden = hidden(&self.compiled.body, act);
        let sent = self.compiled.messages.sent(later);
        let mut code = TokenStream::new();
        for id in hidden.intersection(&sent) {
            if let Entry::Vacant(unmade) = self.outliving.entry(*id) {
                unmade.insert(false);
                self.kept.insert(*id);
                let (kept, out) = (kept(self.compiled.name(*id)), compiled::out());
                code.extend(quote!(let mut #kept = #out.later();));
            }
        }
        code
    }

    /// Whether a value that is made here can be sent now.
    pub(super) fn has(&self, id: VarId) -> bool {
        self.native.contains(&id) && (self.bound.contains(&id) || self.outliving.get(&id) == Some(&true))
    }

    /// A variable that is bound here, encoded.
    pub(super) fn encoded(&self, id: VarId) -> TokenStream {
        let name = self.compiled.name(id);
        match (self.kept.contains(&id), self.sends.get(&id)) {
            (false, _) => self.carried(id),
            (true, Some(1)) => {
                let kept = kept(name);
                quote!(#kept)
            }
            (true, _) => {
                let kept = kept(name);
                quote!(#kept.clone())
            }
        }
    }

    /// A variable's value. If it cannot travel, that is said at the variable.
    fn carried(&self, id: VarId) -> TokenStream {
        let name = self.compiled.name(id);
        let span = Span::mixed_site().located_at(name.span());
        let out = Ident::new("out", span);
        quote_spanned!(span=> #out.carry(&#name)?)
    }

    /// Whether a name means here what it means in the author's body.
    fn sees(&self, touch: &Use) -> bool {
        let name = touch.ident.to_string();
        self.scopes.iter().rev().find_map(|scope| scope.get(&name)) == Some(&touch.variable)
    }

    /// Makes sure that every name means here what it means in the author's body.
    pub(super) fn check(&mut self, uses: &[Use]) {
        for touch in uses {
            if !self.sees(touch) {
                let name = &touch.ident;
                self.errors.at(
                    &touch.ident,
                    format!(
                        "`{name}` is also the name of a value that is there at another time, or is changed before \
                         this runs: give one of the two values a name of its own"
                    ),
                );
            }
        }
    }

    pub(super) fn code(&mut self, code: &Code) -> Expr {
        self.check(&code.uses);
        leave::in_slice(code.expr.clone(), &self.compiled.output)
    }
}

/// What a step binds where the steps after it cannot see it.
fn hidden(body: &Body, act: &Act) -> BTreeSet<VarId> {
    match act {
        Act::Branch { arms, .. } => arms.iter().flat_map(|arm| message::bound(body, &arm.acts)).collect(),
        Act::Inside { body: inner, yields: true, .. } => message::bound(body, &inner.acts),
        Act::Inside { body: inner, .. } => inner.acts.iter().flat_map(|act| hidden(body, act)).collect(),
        Act::Resolved { .. } => message::bound(body, std::slice::from_ref(act)),
        _ => BTreeSet::new(),
    }
}

fn kept(name: &Ident) -> Ident {
    format_ident!("kept_{}", name, span = Span::mixed_site())
}
