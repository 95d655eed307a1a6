//! A graph for Mermaid, which GitHub, GitLab and most wikis draw inside of Markdown.

use std::fmt::Write as _;

use crate::output::graph::Network;

/// The text.
pub fn render(network: &Network) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, (name, members)) in network.groups().into_iter().enumerate() {
        let indent = if name.is_some() { "    " } else { "  " };
        if let Some(name) = name {
            let _ = writeln!(text, "  subgraph g{number}[\"{}\"]", escape(name));
        }
        for index in members {
            let node = &network.nodes[index];
            let _ = writeln!(text, "{indent}n{index}[\"{}<br/>{}\"]", escape(&node.address), escape(&node.type_name));
        }
        if name.is_some() {
            text.push_str("  end\n");
        }
    }
    for edge in &network.edges {
        let arrow = if edge.refers { "-->" } else { "-.->" };
        let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
    }
    text
}

/// Mermaid's own form of a character by its number, for everything that means something to it, to Markdown or to HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let plain = character.is_alphanumeric() || matches!(character, ' ' | '_' | '-' | '.' | ':' | '/');
        if plain {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "#{};", u32::from(character));
        }
    }
    escaped
}
