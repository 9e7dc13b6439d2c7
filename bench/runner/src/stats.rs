//! Figures of several rounds, made into what a table says.

/// The middle value; of an even number, the mean of the middle two.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// The least value.
pub(crate) fn minimum(figures: &[f64]) -> Option<f64> {
    figures.iter().copied().min_by(f64::total_cmp)
}

/// The median of the ratios within each round: what moves with the hour moves both.
pub(crate) fn ratio(figures: &[f64], yardstick: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = figures
        .iter()
        .zip(yardstick)
        .map(|(figure, unit)| figure / unit)
        .collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // The second round ran on a machine three times slower; the ratio doesn't notice.
        assert_eq!(ratio(&[2.0, 6.0, 2.0], &[1.0, 3.0, 1.0]), Some(2.0));
    }
}
