//! No value can break out of what it stands in: each form is read back by a parser of it, once with harmless texts and
//! once with hostile ones, and has the same parts.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;
use crate::output::graph::{Edge, Node, dot, mermaid, svg};

/// Texts that mean something to one form or another.
const HOSTILE: &[&str] = &[
    "```",
    "````\n",
    "`",
    "-->",
    "<!--",
    "</details>",
    "</summary><script>alert(1)</script>",
    "</code>",
    "%0A",
    "%",
    "\n::error::no",
    "\r\n##[error]",
    "::set-output name=a::b",
    "]]>",
    "<![CDATA[",
    "&amp;",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "\u{0}",
    "\u{7}",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "|",
    "\\",
    "{0}",
    "}}",
    "{{ x }}",
    "{% raw %}",
    "[x](javascript:alert(1))",
    "![x](https://example.com/p.png)",
    "@everyone",
    "#1",
    "**",
    "_",
    "~~",
    "~~~",
    "$x$",
    "    ",
    "\n\n# head\n",
    "- [ ] ",
    "\"];\n",
    "\\N",
    "\"] --> n9",
    "end\n",
    ";",
    "#quot;",
    ",",
    ":",
    "漢字",
    "é",
    "https://example.com",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(HOSTILE).prop_map(str::to_owned),
        1 => string_regex(".{0,6}").unwrap(),
        1 => any::<char>().prop_map(String::from),
    ];
    let text = prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat());
    // What is empty is left out.
    text.prop_filter("empty", |text| !text.is_empty())
}

/// A page that has everything, with one text everywhere.
fn page(text: &str) -> Page {
    let line = clean(text).into_owned();
    let lines = clean_lines(text);
    let location = Location { file: line.clone(), line: 3, column: 5, end_line: 3, end_column: 9 };
    let changes = [
        Change::New(line.clone()),
        Change::Values(line.clone(), line.clone()),
        Change::Secret(line.clone()),
        Change::Text(vec![Part::Same(line.clone()), Part::Gone(line.clone()), Part::Gap, Part::New(line.clone())]),
    ];
    let item = |status, level, verdict| Item {
        address: line.clone(),
        type_name: line.clone(),
        identifier: Some(format!("{line}!")),
        symbol: "~",
        status,
        words: line.clone(),
        level,
        verdict,
        location: Some(location.clone()),
        lines: changes
            .iter()
            .map(|change| Line {
                path: line.clone(),
                change: change.clone(),
                remark: Some(line.clone()),
                location: Some(location.clone()),
            })
            .collect(),
        remarks: vec![("note", line.clone())],
    };
    let node = |group: Option<&str>| Node {
        address: line.clone(),
        type_name: line.clone(),
        identifier: None,
        group: group.map(str::to_owned),
        location: None,
        status: Some("update"),
    };
    Page {
        account: Some(line.clone()),
        region: Some(line.clone()),
        digest: Some("0f".to_owned()),
        headline: "Plan: 1 to update.".to_owned(),
        totals: vec![Total { label: "to update", count: 1 }],
        items: vec![
            item("update", Level::Warning, Verdict::Off),
            item("unread", Level::Error, Verdict::Unread),
            item("not-verifiable", Level::Note, Verdict::Open),
            item("done", Level::Note, Verdict::Fine),
        ],
        findings: vec![Finding {
            code: "M101".to_owned(),
            level: Level::Error,
            summary: lines.clone(),
            notes: vec![lines.clone()],
            help: Some(lines.clone()),
            location: Some(location.clone()),
            of_an_item: false,
        }],
        exports: vec![(line.clone(), line.clone())],
        network: Network {
            nodes: vec![node(None), node(Some(&line)), node(Some(&line))],
            edges: vec![Edge { from: 1, to: 0, refers: true }, Edge { from: 2, to: 0, refers: false }],
        },
        problem: Some(Problem { kind: "failed", message: lines.clone(), hints: vec![lines] }),
        ..Page::new("plan", Some(StackName { name: text.to_owned(), env: text.to_owned() }))
    }
}

/// What Markdown means: its events, those of texts without their words.
fn of_markdown(text: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let mut parts: Vec<String> = Vec::new();
    // What GitHub and GitLab understand.
    let understood = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    for event in Parser::new_ext(text, understood) {
        let part = match event {
            Event::Start(Tag::CodeBlock(kind)) => format!("{kind:?}"),
            Event::Text(_) | Event::SoftBreak | Event::HardBreak => "text".to_owned(),
            Event::Html(html) | Event::InlineHtml(html) => tags(&html).join(""),
            other => format!("{other:?}"),
        };
        // How many pieces a text comes in means nothing.
        let repeated = part.is_empty() || (part == "text" && parts.last().is_some_and(|last| last == "text"));
        if !repeated {
            parts.push(part);
        }
    }
    parts
}

/// The tags of HTML, with the names of their attributes.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (tag, after) = rest[start..].split_once('>').map_or((&rest[start..], ""), |(tag, after)| (tag, after));
        rest = after;
        // Of a comment only that it is one.
        let tag = if tag.starts_with("<!--") { "<!--" } else { tag };
        let mut quoted = false;
        let skeleton: String = tag
            .chars()
            .filter(|character| {
                if *character == '"' {
                    quoted = !quoted;
                }
                !quoted
            })
            .collect();
        tags.push(format!("{skeleton}>"));
    }
    tags
}

/// A command with its properties and its message.
type Command = (String, Vec<(String, String)>, String);

/// What a runner of GitHub makes of a line: the command, its properties, its message. As its documentation says: a
/// command begins the line, and the first `::` behind it ends the properties.
fn of_github(text: &str) -> Vec<Command> {
    let unescape = |text: &str| {
        let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
        text.replace("%25", "%")
    };
    let commands = text.lines().filter_map(|line| {
        let line = line.trim_start();
        assert!(!line.starts_with("##["), "{line}");
        let (command, message) = line.strip_prefix("::")?.split_once("::")?;
        let (name, properties) = command.split_once(' ').unwrap_or((command, ""));
        let properties = properties.split(',').filter_map(|property| {
            let (key, value) = property.split_once('=')?;
            Some((key.to_owned(), unescape(value)))
        });
        Some((name.to_owned(), properties.collect(), unescape(message)))
    });
    commands.collect()
}

/// The elements of XML with the names of their attributes.
fn of_xml(text: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|node| {
            let names: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
            format!("{} {}", node.tag_name().name(), names.join(" "))
        })
        .collect()
}

/// The words of Graphviz: quoted texts become one word each.
fn of_dot(text: &str) -> String {
    let (mut skeleton, mut quoted, mut escaped) = (String::new(), false, false);
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                skeleton.push('"');
            }
            _ if quoted => {}
            other => skeleton.push(other),
        }
    }
    assert!(!quoted, "{text}");
    skeleton
}

/// A line of Mermaid with its labels left out; a label ends at the first quote.
fn of_mermaid(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split('"').step_by(2).collect::<String>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_out_of_markdown(text in hostile()) {
        let (harmless, rendered) = (page("harmless"), page(&text).render(PageFormat::Markdown { max_bytes: 600_000 }));
        let expected = harmless.render(PageFormat::Markdown { max_bytes: 600_000 });
        // Findings without a second line have no block, and rows of lines are as many as there are lines.
        if !text.contains(['\n', '\r']) {
            prop_assert_eq!(of_markdown(&rendered), of_markdown(&expected), "{}", rendered);
        }
        let blocks = |text: &str| of_markdown(text).iter().filter(|part| part.starts_with("Fenced")).count();
        prop_assert_eq!(blocks(&rendered), blocks(&expected), "{}", rendered);
        prop_assert!(!rendered[4..].split_once("-->").unwrap().0.contains('>'), "{}", rendered);
    }

    #[test]
    fn no_text_breaks_out_of_xml(text in hostile()) {
        let rendered = page(&text).render(PageFormat::Junit);
        prop_assert_eq!(of_xml(&rendered), of_xml(&page("harmless").render(PageFormat::Junit)));
        let document = roxmltree::Document::parse(&rendered).unwrap();
        let case = document.descendants().filter(|node| node.has_tag_name("testcase")).nth(2).unwrap();
        let kept = clean(&text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        prop_assert_eq!(case.attribute("name"), Some(&*kept));
    }

    #[test]
    fn no_text_breaks_out_of_a_picture(text in hostile()) {
        let rendered = svg::render(&page(&text).network, &clean(&text));
        let groups = |text: &str| of_xml(text).len();
        prop_assert_eq!(groups(&rendered), groups(&svg::render(&page("harmless").network, "harmless")));
    }

    #[test]
    fn no_text_breaks_out_of_html(text in hostile()) {
        let rendered = page(&text).render(PageFormat::Html);
        let expected = page("harmless").render(PageFormat::Html);
        let body = |text: &str| {
            let body = text.split_once("</style>").unwrap().1.to_owned();
            tags(&body).into_iter().filter(|tag| !tag.starts_with("<path") && !tag.starts_with("<svg")).collect::<Vec<_>>()
        };
        prop_assert_eq!(body(&rendered), body(&expected), "{}", rendered);
    }

    #[test]
    fn no_text_breaks_out_of_sarif(text in hostile()) {
        let rendered = page(&text).render(PageFormat::Sarif);
        let document: serde_json::Value = serde_json::from_str(&rendered).unwrap();
        prop_assert_eq!(document["runs"][0]["results"].as_array().map(Vec::len), Some(4));
        let uri = &document["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let may = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%:".contains(&byte);
        prop_assert!(uri.as_str().unwrap().bytes().all(may), "{}", uri);
        let message = document["runs"][0]["results"][1]["message"]["text"].as_str().unwrap();
        prop_assert!(!message.replace("{{", "").replace("}}", "").contains(['{', '}']), "{}", message);
    }

    #[test]
    fn no_text_is_a_command(text in hostile()) {
        let rendered = page(&text).render(PageFormat::Github);
        let commands = of_github(&rendered);
        prop_assert_eq!(commands.len(), 6, "{}", rendered);
        prop_assert_eq!(rendered.lines().count(), 7, "{}", rendered);
        for (name, properties, message) in &commands[2..] {
            prop_assert!(["error", "warning", "notice"].contains(&name.as_str()));
            let keys: Vec<&str> = properties.iter().map(|(key, _)| key.as_str()).collect();
            prop_assert_eq!(keys, ["file", "line", "endLine", "col", "endColumn", "title"]);
            prop_assert_eq!(&properties[0].1, &*clean(&text));
            prop_assert!(message.contains(clean(&text).trim_end()));
        }
    }

    #[test]
    fn no_text_breaks_out_of_a_graph(text in hostile()) {
        let (hostile, harmless) = (page(&text).network, page("harmless").network);
        prop_assert_eq!(of_dot(&dot::render(&hostile, &clean(&text))), of_dot(&dot::render(&harmless, "harmless")));
        prop_assert_eq!(of_mermaid(&mermaid::render(&hostile)), of_mermaid(&mermaid::render(&harmless)));
    }

    #[test]
    fn a_comment_fits_and_has_every_count(text in hostile(), number in 0_usize..400, most in 4_000_usize..70_000) {
        let mut page = page(&text.repeat(if number % 3 == 0 { 40 } else { 1 }));
        let item = page.items[0].clone();
        page.items.resize(number, item);
        page.totals = vec![Total { label: "to update", count: number }];
        let rendered = page.render(PageFormat::Markdown { max_bytes: most });
        prop_assert!(rendered.len() <= most, "{} > {most}", rendered.len());
        prop_assert!(rendered.contains(&format!("**{number}** to update")), "{}", rendered);
        let shown = rendered.matches("<details><summary><code>").count();
        let left_out: usize = rendered
            .split_once("**… ")
            .and_then(|(_, after)| after.split_once(" left out"))
            .map_or(0, |(count, _)| count.parse().unwrap());
        prop_assert!(shown + left_out >= number, "{shown} + {left_out} < {number}");
    }
}

#[test]
fn five_hundred_changes_fit_into_a_comment() {
    let mut page = page("Orders API");
    let item = page.items[0].clone();
    page.items = (0..500)
        .map(|number| Item {
            address: format!("orders[\"{number}\"]"),
            status: if number % 5 == 0 { "create" } else { "update" },
            ..item.clone()
        })
        .collect();
    page.totals = vec![Total { label: "to create", count: 100 }, Total { label: "to update", count: 400 }];
    let rendered = page.render(PageFormat::Markdown { max_bytes: 60_000 });
    assert!(rendered.len() <= 60_000 && rendered.len() > 50_000, "{}", rendered.len());
    assert!(rendered.contains("**100** to create · **400** to update"));
    assert!(rendered.contains("orders&#91;\"0\"&#93;") && rendered.contains("orders&#91;\"499\"&#93;"));
    assert!(rendered.contains("left out here: ") && rendered.contains(" create") && rendered.contains(" update"));
}

#[test]
fn names_of_stacks_make_different_markers() {
    let marker = |name: &str| {
        let page = Page::new("plan", Some(StackName { name: name.to_owned(), env: "dev".to_owned() }));
        page.render(PageFormat::Markdown { max_bytes: 60_000 }).lines().next().unwrap().to_owned()
    };
    assert_eq!(marker("orders-eu"), "<!-- trueup:orders-eu:dev:plan -->");
    assert_eq!(marker("a--b"), "<!-- trueup:a-%2Db:dev:plan -->");
    assert_ne!(marker("a-"), marker("a"));
    assert_eq!(marker("-->"), "<!-- trueup:%2D-%3E:dev:plan -->");
}
