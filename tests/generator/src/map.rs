//! `caribou::map`.

use crate::feature::Feature;
use crate::generator::{Generator, Room};
use crate::syntax::{Expr, Stage};
use crate::types::Type;

impl Generator {
    /// A map that yields a list of a type: over a list of what one parameter of the function takes, or of pairs for two.
    pub(crate) fn map_of(&mut self, of: &Type, room: Room) -> Option<Expr> {
        let index = self.function_of(of)?;
        let parameters = self.functions[index].parameters.clone();
        let (first, second) = (parameters.first()?, parameters.get(1));
        self.stages_left = self.stages_left.saturating_sub(1);
        self.uses(Feature::Map);
        let item = |generator: &mut Self, ty: &Type| generator.fresh(&format!("each_{}", ty.initial()));
        let paired = second.filter(|_| self.chance.percent(30));
        let (ty, names) = match paired {
            Some(second) => {
                let names = vec![(item(self, first), first.clone()), (item(self, second), second.clone())];
                (Type::tuple([first.clone(), second.clone()]), names)
            }
            None => (first.clone(), vec![(item(self, first), first.clone())]),
        };
        let items = self.value(&Type::list(ty), room);
        let pattern = match &names[..] {
            [(name, _)] => name.clone(),
            several => {
                format!("({})", several.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>().join(", "))
            }
        };
        // Within the closure the items may be moved, everything else is shared.
        let mut arguments: Vec<Expr> = names.iter().map(|(name, ty)| self.item(name, ty)).collect();
        for parameter in &parameters[names.len()..] {
            arguments.push(self.value(parameter, Room { depth: 0, ..Room::STILL }));
        }
        let stage = Stage { function: self.functions[index].name, arguments, question: true };
        Some(Expr::Map { items: Box::new(items), pattern, stage })
    }

    fn item(&mut self, name: &str, ty: &Type) -> Expr {
        let changed = match ty {
            Type::Number => format!("{name} + 1"),
            Type::Text => format!("format!(\"{{{name}}}.\")"),
            _ => return Expr::text(name),
        };
        Expr::text(if self.chance.percent(25) { changed } else { name.to_owned() })
    }
}
