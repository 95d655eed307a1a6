//! A small manifest cannot use up the memory or the stack: it ends with a diagnostic, and soon.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use trueup_engine::render::Inputs;
use trueup_engine::source::Sources;
use trueup_engine::{manifest, render};

/// The codes of what is wrong, and how many instances there are.
fn read(text: &str) -> (Vec<String>, usize) {
    let begin = Instant::now();
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (manifest, mut found) = manifest::parse(&mut sources, id);
    let inputs = Inputs {
        env: "dev",
        given: vec![("A".to_owned(), "aaaaaaaaaa".to_owned())],
        files: Vec::new(),
        environment: &|_| None,
        today: (2026, 11, 21),
    };
    let mut instances = 0;
    if let Some(manifest) = manifest {
        let (stack, more) = render::render(&manifest, &inputs, &mut sources);
        instances = stack.map_or(0, |stack| stack.instances.len());
        found.extend(more);
    }
    let taken = begin.elapsed();
    assert!(taken < Duration::from_secs(20), "{taken:?}");
    let codes = found
        .sorted()
        .iter()
        .filter(|one| one.code != "M209")
        .map(|one| format!("{} {}", one.code, one.summary))
        .collect();
    (codes, instances)
}

fn scalar(template: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(template).to_string();
    read(&format!("version: 1\nname: x\nresources:\n  - name: b\n    type: A::B::C\n    props: {{ X: {quoted} }}\n")).0
}

fn refused(template: &str) {
    let found = scalar(template);
    let short: String = template.chars().take(120).collect();
    assert!(found.iter().any(|one| one.starts_with("M218")), "{short}: {found:?}");
}

fn accepted(template: &str) {
    assert_eq!(scalar(template), Vec::<String>::new(), "{template}");
}

#[test]
fn long_expressions_do_not_overflow_the_stack() {
    refused(&format!("{{{{ {}stack_env }}}}", "stack_env~".repeat(20_000)));
    refused(&format!("{{{{ {}true }}}}", "not ".repeat(50_000)));
    refused(&format!("{{{{ stack_env{} }}}}", "|upper".repeat(20_000)));
    refused(&format!("{{{{ 1{} }}}}", "+1".repeat(50_000)));
    refused(&format!("{{{{ stack_env{} }}}}", "~1".repeat(401)));
    accepted(&format!("{{{{ stack_env{} }}}}", "~1".repeat(250)));
    accepted(&format!("{{{{ stack_env{} }}}}", "|upper".repeat(350)));
    for deep in ["not ", "-", "1+", "1 if true else ", "a.", "("] {
        scalar(&format!("{{{{ {}1 }}}}", deep.repeat(399)));
    }
    scalar(&format!("{{% if false %}}{}{{% endif %}}", "{% elif false %}a".repeat(190)));
}

#[test]
fn loops_cannot_double_a_value() {
    let head = "{% set ns = namespace(s='aaaaaaaaaa', t='') %}{% for i in range(40) %}";
    for grows in [
        "{% set ns.s = ns.s ~ ns.s %}",
        "{% set ns.s = ns.s + ns.s %}",
        "{% set ns.s = [ns.s, ns.s] %}",
        "{% set ns.s = (ns.s, ns.s) %}",
        "{% set ns.t = ns.s ~ ns.s %}{% set ns.s = ns.t %}",
        "{% set x = ns.s ~ ns.s %}{% set ns.s = x %}",
        "{% with x = ns.s ~ ns.s %}{% set ns.s = x %}{% endwith %}",
        "{% for x in [ns.s ~ ns.s] %}{% set ns.s = x %}{% endfor %}",
        "{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}",
        "{% set ns.s = ns %}",
        "{%- set ns.s = ns.s|zip(ns.s) -%}",
    ] {
        refused(&format!("{head}{grows}{{% endfor %}}{{{{ ns.s|length }}}}"));
    }
    let mut chain = "{% set x0 = stack_env %}".to_owned();
    for n in 0..40 {
        let _ = write!(chain, "{{% set x{} = x{n} ~ x{n} %}}", n + 1);
    }
    refused(&format!("{chain}{{{{ x40|length }}}}"));
    refused("{% macro f(x) %}{{ x }}{{ x }}{% endmacro %}{{ f(f(f('a'))) }}");
    accepted("{% set ns = namespace(n=0) %}{% for i in range(9) %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}");
    accepted("{% set name = stack_name ~ '-' ~ stack_env %}{% for i in range(3) %}{{ name ~ i }}{% endfor %}");
    accepted(
        "{% set ns = namespace(last='') %}{% for i in ['a', 'b'] %}{% set ns.last = i %}{% endfor %}{{ ns.last }}",
    );
}

#[test]
fn filters_cannot_grow_a_text() {
    refused(&format!("{{{{ 'aaaaaaaaaa'{} }}}}", " | replace('a', 'aaaaaaaaaa')".repeat(9)));
    refused(&format!("{{{{ vars.A{} }}}}", " | replace('a', vars.A)".repeat(9)));
    refused(&format!("{{{{ vars.A{} }}}}", " | list | join('aaaaaaaaaa')".repeat(12)));
    refused(&format!("{{{{ \"''''''\"{} | length }}}}", " | sql_escape".repeat(60)));
    refused("{{ ([('a' * 1000000)] * 10000) | map('upper') | list | length }}");
    refused("{{ ('a' * 500000) | indent(2000000) | length }}");
    accepted("{{ ['a', 'b'] | map('upper') | join(', ') | replace(',', ';') | indent(2) }}");
    accepted("{{ ['a', 'b', 'c'] | batch(2) | list | tojson }}{{ 'b,a' | split(',') | sort | join('-') }}");
    accepted("{{ ['b', 'a'] | sort(reverse=true) | join('-') }}{{ '%s-%s' | format(stack_name, 3) }}");
}

#[test]
fn a_stack_has_a_limit_of_instances_and_bytes() {
    let mut text = "version: 1\nname: x\nresources:\n".to_owned();
    for n in 0..100 {
        let _ = writeln!(text, "  - {{ name: r{n}, type: A::B::C, for_each: range(10000), props: {{ X: a }} }}");
    }
    let (found, instances) = read(&text);
    assert_eq!((found.len(), instances), (1, 0), "{found:?}");
    assert!(found[0].starts_with("M218"), "{found:?}");
    let body = "a".repeat(1024 * 1024);
    let (found, _) = read(&format!(
        "version: 1\nname: x\nglobals: [{{ name: g, value: {body} }}]\nresources:\n  - {{ name: r, type: A::B::C, for_each: \
         range(10000), props: {{ X: '{{{{ g }}}}' }} }}\n"
    ));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("M218"), "{found:?}");
}

#[test]
fn many_names_are_read_quickly() {
    let mut template = String::new();
    for n in 0..20_000 {
        let _ = write!(template, "{{{{ vars.a{n} }}}}");
    }
    refused(&template);
}
