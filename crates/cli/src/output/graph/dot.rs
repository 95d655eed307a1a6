//! A graph for Graphviz.

use std::fmt::Write as _;

use crate::output::graph::Network;

/// The text.
pub fn render(network: &Network, subject: &str) -> String {
    let mut text = format!(
        "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
        escape(subject)
    );
    for (number, (name, members)) in network.groups().into_iter().enumerate() {
        let indent = if name.is_some() { "    " } else { "  " };
        if let Some(name) = name {
            let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label=\"{}\";", escape(name));
        }
        for index in members {
            let node = &network.nodes[index];
            let _ =
                writeln!(text, "{indent}n{index} [label=\"{}\\n{}\"];", escape(&node.address), escape(&node.type_name));
        }
        if name.is_some() {
            text.push_str("  }\n");
        }
    }
    for edge in &network.edges {
        let style = if edge.refers { "" } else { " [style=dashed]" };
        let _ = writeln!(text, "  n{} -> n{}{style};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

/// Inside of quotes only these mean something; a name's own backslashes are no line breaks, and its entities no letters.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
