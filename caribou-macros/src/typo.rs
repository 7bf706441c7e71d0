//! What an author may have meant.

/// The candidate that is nearest to a text, if one is near enough to be meant.
pub(crate) fn nearest<'c>(text: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let text = text.to_lowercase();
    let begun = |candidate: &&&str| text.len() >= 3 && candidate.starts_with(&text);
    let near = |candidate: &&&str| {
        // who gets the first letter wrong gets no other wrong
        let most = if text.chars().next() == candidate.chars().next() {
            text.len().max(candidate.len()).div_ceil(3)
        } else {
            1
        };
        distance(&text, candidate) <= most
    };
    let by_distance = candidates.iter().filter(near).min_by_key(|candidate| distance(&text, candidate));
    by_distance.or_else(|| candidates.iter().find(begun)).copied()
}

/// How many letters must be put in, left out, changed or swapped with their neighbour to make one text of the other
/// (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut least = (row[j + 1] + 1).min(next[j] + 1).min(row[j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (from, to, expected) in
            [("", "abc", 3), ("memroy", "memory", 1), ("kitten", "sitting", 3), ("a", "a", 0)]
        {
            assert_eq!((distance(from, to), distance(to, from)), (expected, expected), "{from} {to}");
        }
    }

    #[test]
    fn what_is_near_or_begun_is_suggested_and_nothing_else() {
        const NAMES: &[&str] = &["memory", "timeout", "retries", "regions", "environment", "name"];
        for (text, expected) in [
            ("memroy", Some("memory")),
            ("retry", Some("retries")),
            ("Region", Some("regions")),
            ("env", Some("environment")),
            ("mem", Some("memory")),
            ("emmory", Some("memory")),
            ("version", None),
            ("cpu", None),
            ("tags", None),
        ] {
            assert_eq!(nearest(text, NAMES), expected, "{text}");
        }
    }
}
