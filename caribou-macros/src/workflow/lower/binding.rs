//! Names for values.

use std::collections::HashSet;

use proc_macro2::Ident;
use syn::{Expr, Lit, Pat, Type};

use super::Lowering;
use crate::workflow::body::{TypeSource, VarId, Variable, VariableKind};
use crate::workflow::scope::Binding;
use crate::workflow::uses;

/// How a branch or stage is bound.
pub(super) struct Bound {
    pub(super) pattern: Pat,
    pub(super) binds: Vec<VarId>,
}

impl Lowering<'_> {
    pub(super) fn declare(
        &mut self,
        name: Ident,
        source: TypeSource,
        mutable: bool,
        kind: VariableKind,
    ) -> VarId {
        let id = VarId(self.variables.len());
        self.scope.declare(name.to_string(), Binding { variable: id, mutable });
        self.variables.push(Variable { name, first: id, source, mutable, kind, block: self.block_id() });
        id
    }

    /// Declares what a pattern binds; `whole` is the type of a plain name, `part` that of a part.
    pub(super) fn bind(
        &mut self,
        pattern: Pat,
        whole: TypeSource,
        part: &TypeSource,
        kind: VariableKind,
    ) -> Bound {
        let (inner, declared) = match &pattern {
            Pat::Type(typed) => (&*typed.pat, known(&typed.ty)),
            other => (other, None),
        };
        let borrows = matches!(&pattern, Pat::Type(typed) if has_reference(&typed.ty));
        let plain = matches!(inner, Pat::Ident(name) if name.subpat.is_none() && name.by_ref.is_none());
        let source = if plain { declared.unwrap_or(whole) } else { part.clone() };
        // both sides of `A(x) | B(x)` bind one variable
        let mut seen = HashSet::new();
        let names: Vec<_> = uses::bound(inner)
            .into_iter()
            .filter(|p| seen.insert(p.ident.to_string()))
            .map(|p| (p.ident.clone(), p.mutability.is_some(), p.by_ref.is_some()))
            .collect();
        let mut binds = Vec::new();
        for (name, mutable, by_ref) in names {
            let kind = if (by_ref || borrows) && kind != VariableKind::Chosen {
                VariableKind::Borrowing
            } else {
                kind
            };
            binds.push(self.declare(name, source.clone(), mutable, kind));
        }
        Bound { pattern, binds }
    }

    /// A plain name for a value in the middle of an expression.
    pub(super) fn lift(&mut self, base: &str, source: TypeSource, kind: VariableKind) -> (Bound, Expr) {
        let name = self.names.fresh_ident(base);
        let expr = syn::parse_quote!(#name);
        let pattern = syn::parse_quote!(#name);
        let variable = self.declare(name, source, false, kind);
        (Bound { pattern, binds: vec![variable] }, expr)
    }

    /// `let name = &a.b;` where `a` never changes, a literal, or a closure over what never changes.
    pub(super) fn is_alias(&self, expr: &Expr, pattern: &Pat) -> bool {
        let inner = if let Pat::Type(typed) = pattern { &*typed.pat } else { pattern };
        let plain = matches!(inner, Pat::Ident(name) if name.mutability.is_none() && name.by_ref.is_none());
        match expr {
            // the type of a bare number depends on who reads it
            Expr::Lit(literal) => {
                let typed = matches!(pattern, Pat::Type(_));
                return plain
                    && match &literal.lit {
                        Lit::Int(number) => typed || !number.suffix().is_empty(),
                        Lit::Float(number) => typed || !number.suffix().is_empty(),
                        _ => true,
                    };
            }
            Expr::Closure(_) => {
                let uses = uses::of(expr, &self.scope);
                let mutable = |touch: &crate::workflow::body::Use| self.variables[touch.variable.0].mutable;
                return plain && !uses.iter().any(mutable);
            }
            _ => {}
        }
        let (Expr::Reference(reference), Pat::Ident(_)) = (expr, inner) else { return false };
        let constant =
            |name: &Ident| self.scope.find(&name.to_string()).is_some_and(|binding| !binding.mutable);
        reference.mutability.is_none() && uses::root(&reference.expr).is_some_and(constant)
    }
}

/// A type without holes.
fn known(ty: &Type) -> Option<TypeSource> {
    let holes = contains(ty, |ty| matches!(ty, Type::Infer(_) | Type::Reference(_)));
    (!holes).then(|| TypeSource::Declared(Box::new(ty.clone())))
}

/// Whether a type visibly borrows.
pub(super) fn has_reference(ty: &Type) -> bool {
    contains(ty, |ty| matches!(ty, Type::Reference(_)))
}

fn contains(ty: &Type, wanted: fn(&Type) -> bool) -> bool {
    struct Finder(fn(&Type) -> bool, bool);
    impl<'ast> syn::visit::Visit<'ast> for Finder {
        fn visit_type(&mut self, ty: &'ast Type) {
            self.1 |= (self.0)(ty);
            syn::visit::visit_type(self, ty);
        }
    }
    let mut finder = Finder(wanted, false);
    syn::visit::Visit::visit_type(&mut finder, ty);
    finder.1
}
