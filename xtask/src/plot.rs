//! Bars of several tools over several phases, as SVG: lengths on a logarithmic axis, since one tool's seconds are another
//! one's minutes; each bar has its figure beside it.

use std::fmt::Write as _;

/// A group of bars.
pub struct Group {
    /// What is compared.
    pub name: String,
    /// What each tool has, by its place among the tools; `None` where it was not measured.
    pub values: Vec<Option<f64>>,
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 16.0;
const GAP: f64 = 14.0;
const TOP: f64 = 56.0;
/// Colours that can be told apart in print and by people who do not see red or green (Okabe and Ito).
const COLOURS: [&str; 4] = ["#0072b2", "#e69f00", "#56b4e9", "#999999"];

/// The picture.
pub fn bars(title: &str, unit: &str, tools: &[&str], groups: &[Group]) -> String {
    let values = || groups.iter().flat_map(|group| group.values.iter().flatten().copied()).filter(|value| *value > 0.0);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    // Whole powers of ten around all of them.
    let (from, to) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let at = |value: f64| LEFT + (value.log10() - from) / (to - from) * (WIDTH - LEFT - RIGHT);
    #[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
    let height_of = |bars: usize| bars as f64 * BAR + GAP;
    let height = TOP + groups.iter().map(|group| height_of(group.values.len())).sum::<f64>() + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" \
         fill=\"#ffffff\"/>\n<text x=\"12\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{title}</text>\n"
    );
    let mut x = LEFT;
    for (tool, colour) in tools.iter().zip(COLOURS) {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"30\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"40\">{tool}</text>",
            x + 17.0
        );
        #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
        let width = tool.len() as f64 * 7.0;
        x += 17.0 + width + 18.0;
    }
    let mut power = from;
    while power <= to {
        let (x, value) = (at(10_f64.powf(power)), 10_f64.powf(power));
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\" fill=\"#555555\">{value} {unit}</text>",
            height - 28.0,
            height - 12.0
        );
        power += 1.0;
    }
    let mut y = TOP + GAP / 2.0;
    for group in groups {
        #[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
        let middle = y + group.values.len() as f64 * BAR / 2.0 + 4.0;
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>", LEFT - 10.0, group.name);
        for (value, colour) in group.values.iter().zip(COLOURS) {
            if let Some(value) = value.filter(|value| *value > 0.0) {
                let end = at(value).max(LEFT + 1.0);
                let digits = if value < 1.0 { 2 } else { 1 };
                let _ = writeln!(
                    svg,
                    "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\">{value:.digits$}\
                     </text>",
                    end - LEFT,
                    BAR - 3.0,
                    end + 5.0,
                    y + BAR - 6.0
                );
            }
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value_has_digits() {
        let group = |value: f64| Group { name: "plan".to_owned(), values: vec![Some(value), None] };
        let svg = bars("CPU", "s", &["one", "other"], &[group(0.1), group(1.0), group(10.0)]);
        let lengths: Vec<f64> = svg
            .lines()
            .filter(|line| {
                line.starts_with("<rect x=\"130\"") && line.contains("</text>") && !line.contains("y=\"30\"")
            })
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(lengths, [1.0, 260.0, 520.0]);
    }
}
