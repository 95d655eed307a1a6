//! A large manifest is read in the time that its size takes. That any text is read is tried in `fuzz/`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use trueup_engine::diagnostic;
use trueup_engine::render::Inputs;
use trueup_engine::source::Sources;
use trueup_engine::{manifest, render};

fn read(text: &str) -> (usize, String) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (manifest, mut found) = manifest::parse(&mut sources, id);
    let mut instances = 0;
    if let Some(manifest) = manifest {
        let inputs = Inputs {
            env: "dev",
            given: vec![("A".to_owned(), "a".to_owned())],
            files: vec![("f.env".to_owned(), text.to_owned()), ("f.yaml".to_owned(), text.to_owned())],
            environment: &|_| None,
            today: (2026, 11, 21),
        };
        let (stack, more) = render::render(&manifest, &inputs, &mut sources);
        instances = stack.map_or(0, |stack| stack.instances.len());
        found.extend(more);
    }
    let mut shown = String::new();
    for one in &found.sorted() {
        shown.push_str(&diagnostic::render(one, &sources, false, 60));
        shown.push_str(&diagnostic::render(one, &sources, true, 10));
    }
    (instances, shown)
}

#[test]
fn a_thousand_resources_are_read_quickly() {
    let mut text =
        "version: 1\nname: big\nglobals:\n  - name: prefix\n    value: \"big-{{ stack_env }}\"\nresources:\n"
            .to_owned();
    for index in 0..1000 {
        let _ = write!(
            text,
            "  - name: c{index}\n    type: AWS::Events::Connection\n    props:\n      Name: \"{{{{ prefix }}}}-{index}\"\n      \
             Description: \"Connection {index} of {{{{ stack_name }}}}\"\n      AuthorizationType: API_KEY\n      \
             AuthParameters:\n        ApiKeyAuthParameters:\n          ApiKeyName: x-api-key\n          ApiKeyValue: \
             \"{{{{ secret('env:KEY_{index}') }}}}\"\n  - name: d{index}\n    type: AWS::Events::ApiDestination\n    \
             props: {{ Name: \"d-{index}\", ConnectionArn: \"{{{{ c{index}.Arn }}}}\", HttpMethod: POST }}\n"
        );
    }
    let begin = Instant::now();
    let (instances, shown) = read(&text);
    let taken = begin.elapsed();
    assert_eq!(instances, 2000, "{shown}");
    // Without optimisation and on a busy machine; optimised it is some milliseconds.
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}
