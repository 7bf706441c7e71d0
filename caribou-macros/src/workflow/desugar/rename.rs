//! Every variable gets a name of its own, so that statements can be moved without changing what they mean.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Group, Ident, Literal, TokenStream, TokenTree};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Lit, Macro, Pat, Stmt};

use crate::signature::Parameter;
use crate::workflow::arguments::{self, Arguments};
use crate::workflow::names::Names;
use crate::workflow::uses;

/// Renames the variables whose name another variable had before.
pub(super) fn rename(parameters: &[Parameter], statements: &mut [Stmt], names: &mut Names) {
    let declared: HashSet<String> = parameters.iter().map(|parameter| parameter.name.to_string()).collect();
    let mut renamer = Renamer { names, declared, frames: vec![HashMap::new()], inner: 0 };
    for statement in statements {
        renamer.visit_stmt_mut(statement);
    }
}

/// Gives some variables further names within an expression; returns those.
pub(super) fn again(variables: &[Ident], expr: &mut Expr, names: &mut Names) -> Vec<Ident> {
    let mut further = HashMap::new();
    let mut found = Vec::new();
    for variable in variables {
        let original = names.original(&variable.to_string()).to_owned();
        let name = names.another(&original);
        found.push(Ident::new(&name, variable.span()));
        further.insert(variable.to_string(), name);
    }
    let mut renamer = Renamer { names, declared: HashSet::new(), frames: vec![further], inner: 1 };
    renamer.visit_expr_mut(expr);
    found
}

struct Renamer<'n> {
    names: &'n mut Names,
    /// The names that variables had so far.
    declared: HashSet<String>,
    /// What names mean, innermost block last.
    frames: Vec<HashMap<String, String>>,
    /// How many closures and loops are around: what is declared there is theirs.
    inner: usize,
}

impl Renamer<'_> {
    fn within(&mut self, body: impl FnOnce(&mut Self)) {
        self.frames.push(HashMap::new());
        body(self);
        self.frames.pop();
    }

    fn inside(&mut self, body: impl FnOnce(&mut Self)) {
        self.inner += 1;
        self.within(body);
        self.inner -= 1;
    }

    fn find(&self, name: &str) -> Option<&str> {
        let found = self.frames.iter().rev().find_map(|frame| frame.get(name))?;
        (found != name).then_some(found)
    }

    fn replace(&self, ident: &mut Ident) -> bool {
        let Some(name) = self.find(&ident.to_string()) else { return false };
        *ident = Ident::new(name, ident.span());
        true
    }

    /// Declares what a pattern binds.
    fn declare(&mut self, pattern: &mut Pat) {
        // what a pattern reads, it reads before it binds
        Reads(self).visit_pat_mut(pattern);
        let mut chosen: HashMap<String, String> = HashMap::new();
        for bound in uses::bound(pattern) {
            let original = bound.ident.to_string();
            if chosen.contains_key(&original) {
                continue;
            }
            let kept = self.inner > 0 || self.declared.insert(original.clone());
            let name = if kept { original.clone() } else { self.names.another(&original) };
            chosen.insert(original, name);
        }
        Binds(&chosen).visit_pat_mut(pattern);
        if let Some(frame) = self.frames.last_mut() {
            frame.extend(chosen);
        }
    }

    /// The tokens of a macro that is not known. Only a text at the top is taken for a format string.
    fn tokens(&self, tokens: TokenStream, top: bool) -> TokenStream {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mark = |index: Option<usize>, mark: char| {
            let token = index.and_then(|index| tokens.get(index));
            matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
        };
        let renamed = tokens.iter().enumerate().map(|(index, token)| match token {
            TokenTree::Ident(ident) => {
                let (one, two) = (index.checked_sub(1), index.checked_sub(2));
                let member = mark(one, '.') && !mark(two, '.');
                let field = mark(Some(index + 1), ':') && !mark(Some(index + 2), ':');
                let mut ident = ident.clone();
                if !member && !field {
                    self.replace(&mut ident);
                }
                TokenTree::Ident(ident)
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), self.tokens(group.stream(), false));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            TokenTree::Literal(literal) if top => TokenTree::Literal(self.literal(literal.clone(), &[])),
            other => other.clone(),
        });
        renamed.collect()
    }

    /// The names that a format string captures.
    fn literal(&self, literal: Literal, named: &[String]) -> Literal {
        let Lit::Str(text) = Lit::new(literal.clone()) else { return literal };
        let value = text.value();
        let mut renamed = String::new();
        let mut rest = value.as_str();
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open + 1);
            renamed.push_str(before);
            rest = after;
            if let Some(escaped) = rest.strip_prefix('{') {
                renamed.push('{');
                rest = escaped;
                continue;
            }
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let new = self.find(name).filter(|_| !named.iter().any(|other| other == name));
            renamed.push_str(new.unwrap_or(name));
            rest = after;
        }
        renamed.push_str(rest);
        if renamed == value {
            return literal;
        }
        let mut new = Literal::string(&renamed);
        new.set_span(literal.span());
        new
    }
}

/// Renames what the expressions in a pattern read.
struct Reads<'r, 'n>(&'r mut Renamer<'n>);

impl VisitMut for Reads<'_, '_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        self.0.visit_expr_mut(expr);
    }
    fn visit_pat_guard_mut(&mut self, guard: &mut syn::PatGuard) {
        // the guard reads what the pattern binds: it comes later
        self.visit_pat_mut(&mut guard.pat);
    }
}

/// Renames what a pattern binds.
struct Binds<'c>(&'c HashMap<String, String>);

impl VisitMut for Binds<'_> {
    fn visit_pat_ident_mut(&mut self, pat: &mut syn::PatIdent) {
        if let Some(name) = self.0.get(&pat.ident.to_string()).filter(|name| pat.ident != **name) {
            pat.ident = Ident::new(name, pat.ident.span());
        }
        visit_mut::visit_pat_ident_mut(self, pat);
    }
    fn visit_field_pat_mut(&mut self, field: &mut syn::FieldPat) {
        visit_mut::visit_field_pat_mut(self, field);
        if field.colon_token.is_none()
            && let (syn::Member::Named(member), Pat::Ident(pat)) = (&field.member, &*field.pat)
            && *member != pat.ident
        {
            field.colon_token = Some(syn::Token![:](member.span()));
        }
    }
    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}

impl VisitMut for Renamer<'_> {
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}

    fn visit_expr_path_mut(&mut self, path: &mut syn::ExprPath) {
        if path.qself.is_none()
            && path.path.get_ident().is_some()
            && let Some(segment) = path.path.segments.first_mut()
        {
            self.replace(&mut segment.ident);
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        visit_mut::visit_field_value_mut(self, field);
        if field.colon_token.is_none()
            && let (syn::Member::Named(member), Expr::Path(path)) = (&field.member, &field.expr)
            && !path.path.is_ident(member)
        {
            field.colon_token = Some(syn::Token![:](member.span()));
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        self.within(|renamer| visit_mut::visit_block_mut(renamer, block));
    }

    fn visit_local_mut(&mut self, local: &mut syn::Local) {
        if let Some(init) = &mut local.init {
            self.visit_expr_mut(&mut init.expr);
            if let Some((_, diverge)) = &mut init.diverge {
                self.visit_expr_mut(diverge);
            }
        }
        self.declare(&mut local.pat);
    }

    fn visit_expr_let_mut(&mut self, condition: &mut syn::ExprLet) {
        self.visit_expr_mut(&mut condition.expr);
        self.declare(&mut condition.pat);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        self.within(|renamer| {
            renamer.declare(&mut arm.pat);
            if let Pat::Guard(guard) = &mut arm.pat {
                renamer.visit_expr_mut(&mut guard.guard);
            }
            renamer.visit_expr_mut(&mut arm.body);
        });
    }

    fn visit_expr_if_mut(&mut self, conditional: &mut syn::ExprIf) {
        self.within(|renamer| {
            renamer.visit_expr_mut(&mut conditional.cond);
            renamer.visit_block_mut(&mut conditional.then_branch);
        });
        if let Some((_, otherwise)) = &mut conditional.else_branch {
            self.visit_expr_mut(otherwise);
        }
    }

    fn visit_expr_while_mut(&mut self, looping: &mut syn::ExprWhile) {
        self.inside(|renamer| {
            renamer.visit_expr_mut(&mut looping.cond);
            renamer.visit_block_mut(&mut looping.body);
        });
    }

    fn visit_expr_loop_mut(&mut self, looping: &mut syn::ExprLoop) {
        self.inside(|renamer| renamer.visit_block_mut(&mut looping.body));
    }

    fn visit_expr_for_loop_mut(&mut self, looping: &mut syn::ExprForLoop) {
        self.visit_expr_mut(&mut looping.expr);
        self.inside(|renamer| {
            renamer.declare(&mut looping.pat);
            renamer.visit_block_mut(&mut looping.body);
        });
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        self.inside(|renamer| {
            for input in &mut closure.inputs {
                renamer.declare(input);
            }
            renamer.visit_expr_mut(&mut closure.body);
        });
    }

    fn visit_expr_async_mut(&mut self, block: &mut syn::ExprAsync) {
        self.inside(|renamer| renamer.visit_block_mut(&mut block.block));
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        match Arguments::of(call) {
            Some(Arguments::Matches(mut value, mut pattern, mut guard)) => {
                self.visit_expr_mut(&mut value);
                self.inside(|renamer| {
                    renamer.declare(&mut pattern);
                    if let Some(guard) = &mut guard {
                        renamer.visit_expr_mut(guard);
                    }
                });
                call.tokens = Arguments::Matches(value, pattern, guard).to_tokens();
            }
            Some(mut list) => {
                let (format, named) = (arguments::format_position(call), list.names());
                for (index, value) in list.values_mut().into_iter().enumerate() {
                    match value {
                        Expr::Lit(literal) if Some(index) == format => {
                            if let Lit::Str(text) = &mut literal.lit
                                && let Lit::Str(renamed) = Lit::new(self.literal(text.token(), &named))
                            {
                                *text = renamed;
                            }
                        }
                        other => self.visit_expr_mut(other),
                    }
                }
                call.tokens = list.to_tokens();
            }
            // what it does with its arguments is not known
            None => call.tokens = self.tokens(call.tokens.clone(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn renamed(text: &str) -> String {
        let block: syn::Block = syn::parse_str(&format!("{{ {text} }}")).unwrap();
        let mut names = Names::default();
        names.take_all(quote!(#block));
        let mut statements = block.stmts;
        rename(&[], &mut statements, &mut names);
        statements.iter().map(crate::text::of).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_that_is_declared_again_is_another() {
        assert_eq!(renamed("let a = f(b); let a = a + 1; g(a)"), "let a = f(b); let a_2 = a + 1; g(a_2)");
        assert_eq!(renamed("let a = 1; { let a = 2; f(a) } a"), "let a = 1; { let a_2 = 2; f(a_2) } a");
    }

    #[test]
    fn names_of_closures_and_loops_are_theirs() {
        assert_eq!(renamed("let a = 1; let a = 2; |a| a"), "let a = 1; let a_2 = 2; |a| a");
        assert_eq!(
            renamed("let a = 1; let a = 2; for a in b { f(a) } a"),
            "let a = 1; let a_2 = 2; for a in b { f(a) } a_2"
        );
    }

    #[test]
    fn shorthands_and_captures_follow() {
        assert_eq!(
            renamed("let a = 1; let a = 2; S { a }; format!(\"{a} {{a}} {a:?}\")"),
            "let a = 1; let a_2 = 2; S { a: a_2 }; format!(\"{a_2} {{a}} {a_2:?}\")"
        );
        assert_eq!(
            renamed("let a = 1; let S { a, b: Some(b) } = c; json!({ a: a.a, b: [0..a, \"{a}\"] })"),
            "let a = 1; let S { a: a_2, b: Some(b) } = c; json!({ a: a_2.a, b: [0..a_2, \"{a}\"] })"
        );
        assert_eq!(
            renamed("let a = 1; let a = 2; format!(\"{} {x} {a}\", \"{a}\", x = a)"),
            "let a = 1; let a_2 = 2; format!(\"{} {x} {a_2}\", \"{a}\", x = a_2)"
        );
    }

    #[test]
    fn the_authors_names_can_be_had_back() {
        let mut names = Names::default();
        names.take_all(quote!(a b));
        let another = names.another("a");
        let ident = Ident::new(&another, proc_macro2::Span::call_site());
        assert_eq!(names.restored(quote!(#ident + (b))).to_string(), quote!(a + (b)).to_string());
    }

    #[test]
    fn every_arm_has_its_own() {
        assert_eq!(
            renamed("match x { A(v) if v > 1 => v, A(v) | B(v) => v, None => 1 }"),
            "match x { A(v) if v > 1 => v, A(v_2) | B(v_2) => v_2, None => 1 }"
        );
        assert_eq!(
            renamed("if let Some(v) = v && v > 1 { v } else if let Some(v) = w { v }"),
            "if let Some(v) = v && v > 1 { v } else if let Some(v_2) = w { v_2 }"
        );
    }
}
