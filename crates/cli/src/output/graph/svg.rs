//! A drawn graph: where the boxes stand is `dagre`'s work, and how they look is ours, so that the picture follows the
//! colours of the page and of the room, and every text in it passes one escaping.

use std::fmt::Write as _;

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Point, RankDir};

use crate::output::graph::{Network, Node};
use crate::output::junit::escape;
use crate::output::text::{columns, shorten};

/// The widest text of a box, in columns.
const WIDEST: usize = 44;
/// Pixels of a column of the text, and of the smaller one.
const LARGE: f64 = 8.2;
const SMALL: f64 = 6.8;
const HEIGHT: f64 = 46.0;
const PADDING: f64 = 14.0;
const MARGIN: f64 = 16.0;

/// Colours that follow those of the reader; without a class the box is one of a graph that has no plan.
const STYLE: &str = "\
.trueup-graph{--ink:#1f2328;--soft:#59636e;--line:#8c959f;--box:#f6f8fa;--page:#fff;--good:#1a7f37;--change:#9a6700;--bad:#cf222e;\
font-family:ui-sans-serif,system-ui,sans-serif;background:var(--page)}\
@media(prefers-color-scheme:dark){.trueup-graph{--ink:#e6edf3;--soft:#9198a1;--line:#6e7681;--box:#161b22;--page:#0d1117;\
--good:#3fb950;--change:#d29922;--bad:#f85149}}\
.trueup-graph rect{fill:var(--box);stroke:var(--line)}.trueup-graph .group{fill:none;stroke-dasharray:2 3}\
.trueup-graph text{fill:var(--ink);font-size:14px}.trueup-graph .small{fill:var(--soft);font-size:11.5px}\
.trueup-graph path{fill:none;stroke:var(--line);stroke-width:1.4}.trueup-graph .order{stroke-dasharray:5 4}\
.trueup-graph .head{fill:var(--line);stroke:none}\
.trueup-graph .create rect,.trueup-graph .adopt rect,.trueup-graph .done rect{stroke:var(--good);stroke-width:2}\
.trueup-graph .update rect,.trueup-graph .drifted rect,.trueup-graph .unread rect,.trueup-graph .not-verifiable rect,\
.trueup-graph .skipped rect,.trueup-graph .unhealthy rect,.trueup-graph .unusable rect\
{stroke:var(--change);stroke-width:2}\
.trueup-graph .replace rect,.trueup-graph .delete rect,.trueup-graph .blocked rect,.trueup-graph .failed rect,\
.trueup-graph .missing rect,.trueup-graph .not-known rect{stroke:var(--bad);stroke-width:2}";

/// The picture.
pub fn render(network: &Network, subject: &str) -> String {
    let laid = lay_out(network);
    let (width, height) = laid.size();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"trueup-graph\" role=\"img\" width=\"{width:.0}\" \
         height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"trueup-head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0L10 5L0 10z\"/></marker></defs>\n",
        escape(subject)
    );
    for (name, place) in &laid.groups {
        let _ = writeln!(
            text,
            "<g>{}<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            place.rect("group"),
            place.left() + 8.0,
            place.top() + 14.0,
            escape(&shorten(name, WIDEST))
        );
    }
    for (edge, points) in network.edges.iter().zip(&laid.edges) {
        let class = if edge.refers { "reference" } else { "order" };
        let _ = writeln!(text, "<path class=\"{class}\" marker-end=\"url(#trueup-head)\" d=\"{}\"/>", curve(points));
    }
    for (node, place) in network.nodes.iter().zip(&laid.nodes) {
        let class = node.status.unwrap_or("plain");
        let _ = writeln!(
            text,
            "<g class=\"{class}\"><title>{} {}</title>{}<text x=\"{x:.1}\" y=\"{:.1}\">{}</text><text class=\"small\" \
             x=\"{x:.1}\" y=\"{:.1}\">{}</text></g>",
            escape(&node.address),
            escape(&node.type_name),
            place.rect("box"),
            place.top() + 20.0,
            escape(&shorten(&node.address, WIDEST)),
            place.top() + 36.0,
            escape(&shorten(&node.type_name, WIDEST)),
            x = place.left() + PADDING,
        );
    }
    text.push_str("</svg>\n");
    text
}

/// Where everything stands.
struct Laid {
    nodes: Vec<Place>,
    groups: Vec<(String, Place)>,
    edges: Vec<Vec<Point>>,
}

impl Laid {
    fn size(&self) -> (f64, f64) {
        let places = || self.nodes.iter().chain(self.groups.iter().map(|(_, place)| place));
        let points = || self.edges.iter().flatten();
        let right = places().map(|place| place.x + place.width / 2.0).chain(points().map(|point| point.x));
        let below = places().map(|place| place.y + place.height / 2.0).chain(points().map(|point| point.y));
        (right.fold(0.0, f64::max) + MARGIN, below.fold(0.0, f64::max) + MARGIN)
    }
}

/// A box by its middle.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Place {
    fn left(self) -> f64 {
        self.x - self.width / 2.0
    }

    fn top(self) -> f64 {
        self.y - self.height / 2.0
    }

    fn rect(self, class: &str) -> String {
        format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"7\"/>",
            self.left(),
            self.top(),
            self.width,
            self.height
        )
    }
}

fn lay_out(network: &Network) -> Laid {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: true });
    let groups = network.groups();
    for (number, (name, _)) in groups.iter().enumerate() {
        if name.is_some() {
            graph.set_node(format!("g{number}"), Some(NodeLabel::default()));
        }
    }
    for (index, node) in network.nodes.iter().enumerate() {
        let label = NodeLabel { width: width(node), height: HEIGHT, ..NodeLabel::default() };
        graph.set_node(format!("n{index}"), Some(label));
    }
    for (number, (name, members)) in groups.iter().enumerate() {
        for member in members.iter().filter(|_| name.is_some()) {
            graph.set_parent(&format!("n{member}"), Some(&format!("g{number}")));
        }
    }
    for edge in &network.edges {
        graph.set_edge(format!("n{}", edge.from), format!("n{}", edge.to), Some(EdgeLabel::default()), None);
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: 22.0,
        ranksep: 60.0,
        marginx: MARGIN,
        marginy: MARGIN,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let place = |id: &str| {
        graph.node(id).map_or(Place { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }, |label| Place {
            x: label.x.unwrap_or_default(),
            y: label.y.unwrap_or_default(),
            width: label.width,
            height: label.height,
        })
    };
    let points = |from: usize, to: usize| {
        graph.edge(&format!("n{from}"), &format!("n{to}"), None).map_or_else(Vec::new, |label| label.points.clone())
    };
    let named = groups.keys().enumerate();
    Laid {
        nodes: (0..network.nodes.len()).map(|index| place(&format!("n{index}"))).collect(),
        groups: named.filter_map(|(number, name)| Some(((*name)?.to_owned(), place(&format!("g{number}"))))).collect(),
        edges: network.edges.iter().map(|edge| points(edge.from, edge.to)).collect(),
    }
}

fn width(node: &Node) -> f64 {
    let pixels = |text: &str, of_one: f64| f64::from(u32::try_from(columns(text).min(WIDEST)).unwrap_or(44)) * of_one;
    pixels(&node.address, LARGE).max(pixels(&node.type_name, SMALL)) + 2.0 * PADDING
}

/// A smooth line through the points: curves from the middle of one piece to the middle of the next.
fn curve(points: &[Point]) -> String {
    let [first, middle @ .., last] = points else { return String::new() };
    let mut path = format!("M{:.1} {:.1}", first.x, first.y);
    for (index, point) in middle.iter().enumerate() {
        let next = middle.get(index + 1);
        let (x, y) =
            next.map_or((last.x, last.y), |next| (f64::midpoint(point.x, next.x), f64::midpoint(point.y, next.y)));
        let _ = write!(path, "Q{:.1} {:.1} {x:.1} {y:.1}", point.x, point.y);
    }
    if middle.is_empty() {
        let _ = write!(path, "L{:.1} {:.1}", last.x, last.y);
    }
    path
}
