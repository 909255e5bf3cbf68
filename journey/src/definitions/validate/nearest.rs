//! Which name was meant.

/// How many letters a name may differ in, of how many that it has: one of three, two at the most.
const ONE_OF: usize = 3;
const AT_MOST: usize = 2;

/// The known name that is nearest to one that is none, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = AT_MOST.min(name.chars().count() / ONE_OF);
    let by_distance = known.map(|known| (distance(name, known), known));
    let (distance, nearest) = by_distance.min()?;
    (distance <= near).then_some(nearest)
}

/// How many letters must be put in, taken out or exchanged to make one of the other, whatever their case.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_another_is_taken_for_it() {
        let known = ["offerLifeSeconds", "startDate", "endDate", "weight"];
        let nearest = |name: &str| nearest(name, known.into_iter());
        assert_eq!(nearest("offerLifeSecond"), Some("offerLifeSeconds"));
        assert_eq!(nearest("offerlifeSeconds"), Some("offerLifeSeconds"));
        assert_eq!(nearest("wieght"), Some("weight"));
        assert_eq!(nearest("enddate"), Some("endDate"));
        for other in ["selfUri", "id", "", "customerCount"] {
            assert_eq!(nearest(other), None, "{other}");
        }
    }
}
