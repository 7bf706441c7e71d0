//! What an annotated `async fn` looks like, and what it must not look like.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ItemFn, Pat, PatType, PathArguments, ReturnType, Type,
    Visibility,
};

use crate::errors::Errors;
use crate::{text, unit};

/// The parts of a signature that both attributes use.
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) parameters: Vec<Parameter>,
    /// What it returns; `()` if the author wrote nothing.
    pub(crate) output: Type,
    /// `#[cfg(..)]` and the like, which must also stand on what is generated.
    pub(crate) conditions: Vec<Attribute>,
    /// `#[allow(deprecated)]` if the function is, as what is generated calls it.
    pub(crate) allowed: Option<Attribute>,
    /// The parameter that the caller does not pass: `&Context`.
    pub(crate) context: Option<ContextParameter>,
    /// Whether everything but a missing `async` is as it must be.
    pub(crate) deployable: bool,
}

/// A parameter that takes the attempt's context.
pub(crate) struct ContextParameter {
    /// Its position among all parameters.
    pub(crate) position: usize,
    /// The parameter as the author wrote it.
    pub(crate) written: PatType,
}

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) mutable: bool,
    pub(crate) ty: Type,
}

impl Signature {
    /// Reads a signature; `attribute` is the attribute's name. Reports what cannot be deployed.
    pub(crate) fn read(item: &ItemFn, attribute: &str, errors: &mut Errors) -> Self {
        let signature = &item.sig;
        if signature.asyncness.is_none() {
            let fn_token = &signature.fn_token;
            errors.at(
                fn_token,
                format!("a caribou {attribute} is async: write `async fn {}`", signature.ident),
            );
        }
        let mistakes = errors.count();
        if let Some(constness) = &signature.constness {
            errors.at(constness, format!("a caribou {attribute} cannot be `const`"));
        }
        if matches!(signature.safety, syn::Safety::Unsafe(_)) {
            errors.at(&signature.safety, format!("a caribou {attribute} cannot be `unsafe`"));
        }
        if let Some(abi) = &signature.abi {
            errors.at(abi, format!("a caribou {attribute} cannot have another ABI"));
        }
        if !signature.generics.params.is_empty() {
            errors.at(
                &signature.generics,
                format!("a caribou {attribute} cannot be generic: what travels between regions has a type of its own"),
            );
        }
        if let Some(clause) = &signature.generics.where_clause {
            errors.at(clause, format!("a caribou {attribute} cannot have a `where` clause"));
        }
        let context = ContextParameter::find(signature.inputs.iter(), attribute, errors);
        let mut inputs: Vec<&FnArg> =
            signature.inputs.iter().filter(|input| !ContextParameter::is_one(input)).collect();
        if let Some(extra) = inputs.get(12) {
            errors.at(extra, "at most twelve parameters: put some of them into a struct");
            inputs.truncate(12);
        }
        let parameters =
            inputs.into_iter().filter_map(|input| Parameter::read(input, attribute, errors)).collect();
        let output = match &signature.output {
            ReturnType::Default => {
                errors.at(
                    &signature.ident,
                    format!("a caribou {attribute} returns a `Result`: write `-> caribou::Result<()>`"),
                );
                Type::Tuple(syn::parse_quote!(()))
            }
            ReturnType::Type(_, ty) => {
                let owned = check_owned(ty, "result", errors);
                if owned && is_no_result(ty) {
                    let written = text::of(ty);
                    errors.at(
                        ty,
                        format!(
                            "a caribou {attribute} returns a `Result`: write `caribou::Result<{written}>`"
                        ),
                    );
                }
                (**ty).clone()
            }
        };
        let conditions = item.attrs.iter().filter(|a| a.path().is_ident("cfg")).cloned().collect();
        let deprecated = item.attrs.iter().any(|attribute| attribute.path().is_ident("deprecated"));
        let allowed = deprecated.then(|| syn::parse_quote!(#[allow(deprecated)]));
        let deployable = errors.count() == mistakes;
        let (name, visibility) = (signature.ident.clone(), item.vis.clone());
        Self { name, visibility, parameters, output, conditions, allowed, context, deployable }
    }
}

impl Signature {
    /// The name under which it is deployed: what the `name` option says, or the Rust name. Reports a Rust name that the
    /// cloud does not take.
    pub(crate) fn deployed_name(
        &self,
        option: Option<&String>,
        attribute: &str,
        errors: &mut Errors,
    ) -> String {
        if let Some(name) = option {
            return name.clone();
        }
        let name = self.name.unraw().to_string();
        if !unit::is_name(&name) {
            errors.at(
                &self.name,
                format!(
                    "`{name}` is no name for Lambda, which takes 1 to 64 letters a to z, digits, `-` or `_`: give it \
                     one, as in `#[caribou::{attribute}(name = \"..\")]`"
                ),
            );
        }
        name
    }

    /// What the returned `Result` holds on success, if that can be seen: `T` of `Result<T>`.
    pub(crate) fn held(&self) -> Option<&Type> {
        self.argument_of_result(0)
    }

    /// What it holds on failure, if that can be seen: `E` of `Result<T, E>`.
    pub(crate) fn failure(&self) -> Option<&Type> {
        self.argument_of_result(1)
    }

    fn argument_of_result(&self, position: usize) -> Option<&Type> {
        let Type::Path(path) = &self.output else { return None };
        let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        match arguments.args.get(position) {
            Some(GenericArgument::Type(argument)) => Some(argument),
            _ => None,
        }
    }
}

impl ContextParameter {
    /// The one that a function has; reports a second one, and any of a workflow.
    fn find<'i>(
        inputs: impl Iterator<Item = &'i FnArg>,
        attribute: &str,
        errors: &mut Errors,
    ) -> Option<Self> {
        let mut found = None;
        for (position, input) in inputs.enumerate() {
            let FnArg::Typed(written) = input else { continue };
            let Some(reference) = context_reference(&written.ty) else { continue };
            if attribute != "function" {
                errors.at(
                    written,
                    format!(
                        "a {attribute} has no context, as its body runs in several functions: take `&Context` in the \
                         function that needs it"
                    ),
                );
            } else if found.is_some() {
                errors.at(written, "this function takes its context twice; keep one of them");
            } else if reference.mutability.is_some() {
                errors.at(&written.ty, "the context is only to be read: take `&Context`");
            } else {
                found = Some(Self { position, written: written.clone() });
            }
        }
        found
    }

    fn is_one(input: &FnArg) -> bool {
        matches!(input, FnArg::Typed(input) if context_reference(&input.ty).is_some())
    }
}

/// The type `&Context`, `&caribou::Context` and the like.
fn context_reference(ty: &Type) -> Option<&syn::TypeReference> {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) => {
                let last = path.path.segments.last()?;
                (last.ident == "Context" && last.arguments.is_none()).then_some(reference)
            }
            _ => None,
        },
        Type::Paren(inner) => context_reference(&inner.elem),
        Type::Group(inner) => context_reference(&inner.elem),
        _ => None,
    }
}

impl Parameter {
    fn read(input: &FnArg, attribute: &str, errors: &mut Errors) -> Option<Self> {
        let input = match input {
            FnArg::Typed(input) => input,
            FnArg::Receiver(receiver) => {
                errors.at(
                    receiver,
                    format!("a caribou {attribute} is a free function: pass `self` as an ordinary parameter"),
                );
                return None;
            }
        };
        let sound = check_owned(&input.ty, "parameter", errors);
        match &*input.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => sound.then(|| Self {
                name: pat.ident.clone(),
                mutable: pat.mutability.is_some(),
                ty: (*input.ty).clone(),
            }),
            Pat::Wild(_) if attribute == "function" => sound.then(|| Self {
                name: Ident::new("_ignored", input.pat.span()),
                mutable: false,
                ty: (*input.ty).clone(),
            }),
            other if attribute == "function" => sound.then(|| Self {
                name: Ident::new("_pattern", other.span()),
                mutable: false,
                ty: (*input.ty).clone(),
            }),
            other => {
                errors.at(other, "a workflow's parameter has a plain name: take it apart in a `let`");
                None
            }
        }
    }
}

/// Whether a type is surely no `Result`.
fn is_no_result(ty: &Type) -> bool {
    const OTHERS: &[&str] = &[
        "Box", "HashMap", "Option", "String", "Vec", "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64",
        "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
    ];
    match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| OTHERS.iter().any(|name| last.ident == name))
        }
        Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => true,
        _ => false,
    }
}

/// Reports borrowed, opaque and inferred types; tells whether there are none.
fn check_owned(ty: &Type, what: &str, errors: &mut Errors) -> bool {
    struct Finder<'e> {
        what: &'e str,
        errors: &'e mut Errors,
        sound: bool,
    }
    impl Finder<'_> {
        fn fault(&mut self, culprit: impl quote::ToTokens, message: String) {
            self.errors.at(culprit, message);
            self.sound = false;
        }
    }
    impl<'ast> Visit<'ast> for Finder<'_> {
        fn visit_type(&mut self, ty: &'ast Type) {
            let what = self.what;
            match ty {
                Type::Reference(_) => self.fault(
                    ty,
                    format!("a {what} cannot be borrowed: it may come from another region; own it (`String` for `&str`, `Vec<T>` for `&[T]`)"),
                ),
                Type::ImplTrait(_) => {
                    self.fault(ty, format!("a {what} needs a type of its own instead of `impl Trait`"));
                }
                Type::Ptr(_) => self.fault(ty, format!("a {what} cannot be a pointer: own the value")),
                _ => syn::visit::visit_type(self, ty),
            }
        }
        fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
            if lifetime.ident != "static" {
                let what = self.what;
                self.fault(
                    lifetime,
                    format!("a {what} cannot borrow: it may come from another region; own it"),
                );
            }
        }
    }
    let mut finder = Finder { what, errors, sound: true };
    finder.visit_type(ty);
    finder.sound
}
