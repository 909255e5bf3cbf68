//! The twelve operators: one comparison of a definition, compiled.

use std::borrow::Cow;

use journey::{
    Text,
    definitions::{Criterion, Operator},
};

use crate::fields::{Facts, Field};

/// One comparison. A missing field is no value: only the negative operators hold of it.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) field: Field,
    pub(crate) operator: Operator,
    /// Whether case is folded on both sides; `values` are folded already.
    pub(crate) fold: bool,
    pub(crate) values: Vec<Text>,
    numbers: Vec<Option<f64>>,
}

impl Test {
    /// `None` if no field has this key.
    pub(crate) fn new(key: &str, operator: Operator, values: &[Text], fold: bool) -> Option<Test> {
        let field = Field::parse(key)?;
        let values: Vec<Text> = match fold {
            true => values
                .iter()
                .map(|value| Text::from(folded(value).as_ref()))
                .collect(),
            false => values.to_vec(),
        };
        let numbers = values.iter().map(|value| number(value)).collect();
        Some(Test {
            field,
            operator,
            fold,
            values,
            numbers,
        })
    }

    /// A definition's criterion; `None` if no field has its key.
    pub(crate) fn of(criterion: &Criterion) -> Option<Test> {
        Test::new(
            &criterion.key,
            criterion.operator,
            &criterion.values,
            criterion.should_ignore_case,
        )
    }

    /// Whether the comparison holds of these facts.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.holds_of(facts.value(&self.field))
    }

    /// Whether the comparison holds of this value.
    pub(crate) fn holds_of(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return matches!(
                self.operator,
                Operator::NotEqual | Operator::NotContainsAny | Operator::NotContainsAll
            );
        };
        let value = if self.fold {
            folded(value)
        } else {
            Cow::Borrowed(value)
        };
        let value = value.as_ref();
        let mut values = self.values.iter();
        match self.operator {
            Operator::Equal => self.equals(value),
            Operator::NotEqual => !self.equals(value),
            Operator::ContainsAny => values.any(|listed| value.contains(listed.as_str())),
            Operator::ContainsAll => values.all(|listed| value.contains(listed.as_str())),
            Operator::NotContainsAny => !values.any(|listed| value.contains(listed.as_str())),
            Operator::NotContainsAll => !values.all(|listed| value.contains(listed.as_str())),
            Operator::StartsWith => values.any(|listed| value.starts_with(listed.as_str())),
            Operator::EndsWith => values.any(|listed| value.ends_with(listed.as_str())),
            Operator::GreaterThan => self.compares(value, |v, l| v > l),
            Operator::GreaterThanOrEqual => self.compares(value, |v, l| v >= l),
            Operator::LessThan => self.compares(value, |v, l| v < l),
            Operator::LessThanOrEqual => self.compares(value, |v, l| v <= l),
        }
    }

    /// Numbers compare as numbers where both are; everything else as text.
    fn equals(&self, value: &str) -> bool {
        let as_number = if self.numbers.iter().any(Option::is_some) {
            number(value)
        } else {
            None
        };
        self.values
            .iter()
            .zip(&self.numbers)
            .any(|(listed, listed_number)| match (as_number, listed_number) {
                (Some(value), Some(listed)) => value == *listed,
                _ => listed == value,
            })
    }

    fn compares(&self, value: &str, compare: impl Fn(f64, f64) -> bool) -> bool {
        let [Some(listed)] = self.numbers.as_slice() else {
            return false;
        };
        number(value).is_some_and(|value| compare(value, *listed))
    }
}

/// A finite decimal number.
pub(crate) fn number(text: &str) -> Option<f64> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Text with its case folded, letter by letter, so that a part of a text folds to a part of its fold.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: Operator, values: &[&str], value: Option<&str>, expected: bool) {
        check_folding(operator, values, false, value, expected);
    }

    fn check_folding(
        operator: Operator,
        values: &[&str],
        fold: bool,
        value: Option<&str>,
        expected: bool,
    ) {
        let values: Vec<Text> = values.iter().map(|v| Text::from(*v)).collect();
        let test = Test::new("page.url", operator, &values, fold).expect("a key");
        assert_eq!(
            test.holds_of(value),
            expected,
            "{value:?} {operator:?} {values:?} fold={fold}"
        );
    }

    #[test]
    fn every_operator_keeps_to_its_row_of_the_table() {
        use Operator::*;
        for (operator, values, value, expected) in [
            (Equal, &["a", "b"][..], "b", true),
            (Equal, &["a", "b"], "c", false),
            (Equal, &["true"], "true", true),
            (Equal, &["10"], "10.0", true),
            (Equal, &["10"], "1e1", true),
            (Equal, &["10"], "ten", false),
            (Equal, &["inf"], "infinity", false),
            (Equal, &["a"], "A", false),
            (NotEqual, &["a", "b"], "c", true),
            (NotEqual, &["a", "b"], "a", false),
            (NotEqual, &["10"], "10.0", false),
            (
                ContainsAny,
                &["pricing", "plans"],
                "https://x/plans?a",
                true,
            ),
            (ContainsAny, &["pricing", "plans"], "https://x/", false),
            (
                ContainsAll,
                &["welcome", "insurance", "page"],
                "insurance-welcome-page",
                true,
            ),
            (
                ContainsAll,
                &["welcome", "insurance", "page"],
                "insurance-page",
                false,
            ),
            (NotContainsAny, &["a", "b"], "xyz", true),
            (NotContainsAny, &["a", "b"], "xbz", false),
            (NotContainsAll, &["a", "b"], "xbz", true),
            (NotContainsAll, &["a", "b"], "abz", false),
            (
                StartsWith,
                &["ftp", "www.genesys.com"],
                "www.genesys.com/a",
                true,
            ),
            (StartsWith, &["genesys"], "www.genesys.com/a", false),
            (EndsWith, &["checkout", "cart"], "shop/checkout", true),
            (EndsWith, &["shop"], "shop/checkout", false),
            (GreaterThan, &["10"], "10.5", true),
            (GreaterThan, &["10"], "10", false),
            (GreaterThan, &["10"], "many", false),
            (GreaterThan, &["10", "20"], "30", false),
            (GreaterThanOrEqual, &["10"], "10", true),
            (GreaterThanOrEqual, &["10"], "9.99", false),
            (LessThan, &["10"], "-3", true),
            (LessThan, &["10"], "10", false),
            (LessThan, &["ten"], "1", false),
            (LessThanOrEqual, &["10"], "10.0", true),
            (LessThanOrEqual, &["10"], "11", false),
        ] {
            check(operator, values, Some(value), expected);
        }
    }

    #[test]
    fn a_missing_field_meets_the_negative_operators_alone() {
        use Operator::*;
        for operator in [
            Equal,
            ContainsAny,
            ContainsAll,
            StartsWith,
            EndsWith,
            GreaterThan,
            GreaterThanOrEqual,
            LessThan,
            LessThanOrEqual,
        ] {
            check(operator, &["1"], None, false);
        }
        for operator in [NotEqual, NotContainsAny, NotContainsAll] {
            check(operator, &["1"], None, true);
        }
    }

    #[test]
    fn case_is_folded_on_both_sides_and_only_where_asked() {
        check_folding(Operator::Equal, &["GOLD"], true, Some("gold"), true);
        check_folding(
            Operator::ContainsAny,
            &["pricing"],
            true,
            Some("/PRICING/"),
            true,
        );
        check_folding(
            Operator::StartsWith,
            &["ÄPFEL"],
            true,
            Some("äpfel und birnen"),
            true,
        );
        check_folding(Operator::EndsWith, &["Σ"], true, Some("ΟΔΟΣ"), true);
        check_folding(Operator::NotEqual, &["GOLD"], true, Some("gold"), false);
        check(
            Operator::ContainsAny,
            &["pricing"],
            Some("/PRICING/"),
            false,
        );
    }
}
