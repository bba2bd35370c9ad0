//! "Did you mean": the known word that is closest to what was typed.

/// The word that takes the fewest edits to get to from `typed`; none when all are too far off to be meant.
pub(crate) fn nearest<'a>(
    typed: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let words: Vec<&str> = words.into_iter().collect();
    let same_parts = |word: &&&str| parts(word) == parts(typed);
    if let Some(word) = words.iter().find(same_parts) {
        return Some(word);
    }
    let typed: Vec<char> = typed.chars().take(CHARACTERS_MAX).collect();
    let edits_max = typed.len() / 3 + 1;
    words
        .into_iter()
        .map(|word| (edits(&typed, word), word))
        .filter(|&(edits, word)| edits <= edits_max && edits < word.len())
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, word)| word)
}

/// Longer words are nobody's typing mistake, and comparing them takes time.
const CHARACTERS_MAX: usize = 64;

/// The parts of a name in alphabetical order: `max_message_bytes` has those of `message_bytes_max`.
fn parts(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = name.split(['_', '-']).collect();
    parts.sort_unstable();
    parts
}

/// How many insertions, removals, replacements and swaps of neighbours lead from one to the other.
fn edits(from: &[char], to: &str) -> usize {
    let mut last_but_one: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=from.len()).collect();
    let mut before = None;
    for (row, character) in to.chars().enumerate() {
        let mut next = vec![row + 1];
        for (column, &typed) in from.iter().enumerate() {
            let mut best = (last[column + 1] + 1)
                .min(next[column] + 1)
                .min(last[column] + usize::from(typed != character));
            if column > 0 && before == Some(typed) && from[column - 1] == character {
                best = best.min(last_but_one[column - 1] + 1);
            }
            next.push(best);
        }
        before = Some(character);
        last_but_one = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_word() {
        let words = ["backlog", "address", "nodelay", "ping_every"];
        let cases = [
            ("bakclog", Some("backlog")),
            ("adress", Some("address")),
            ("addresses", Some("address")),
            ("no_delay", Some("nodelay")),
            ("ping-every", Some("ping_every")),
            ("every-ping", Some("ping_every")),
            ("colour", None),
            ("", None),
        ];
        for (typed, word) in cases {
            assert_eq!(nearest(typed, words), word, "{typed}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in [
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(
                edits(&from.chars().collect::<Vec<_>>(), to),
                count,
                "{from} {to}"
            );
        }
    }
}
