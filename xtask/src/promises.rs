//! The promises P1 to P20, and the tests that keep them.

/// A promise.
pub struct Promise {
    /// Its number, such as `P1`.
    pub id: &'static str,
    /// What is promised, in a sentence.
    pub text: &'static str,
    /// The tests that keep it.
    pub tests: &'static [Kept],
    /// What is promised and not tested yet.
    pub lacks: Option<&'static str>,
}

/// A test that keeps a promise.
pub struct Kept {
    /// Cargo's package.
    pub package: &'static str,
    /// The test program.
    pub program: &'static str,
    /// The test's name in it.
    pub name: &'static str,
    /// What it goes through; a test that counts for itself says it in a file.
    pub figure: Option<&'static str>,
}

const fn suite(name: &'static str, figure: &'static str) -> Kept {
    Kept { package: "trueup-tests", program: "suite", name, figure: Some(figure) }
}

/// One that counts for itself.
const fn counted(name: &'static str) -> Kept {
    Kept { package: "trueup-tests", program: "suite", name, figure: None }
}

const fn engine(program: &'static str, name: &'static str, figure: &'static str) -> Kept {
    Kept { package: "trueup-engine", program, name, figure: Some(figure) }
}

/// One of the chores themselves.
const fn chore(name: &'static str, figure: &'static str) -> Kept {
    Kept { package: "xtask", program: "xtask", name, figure: Some(figure) }
}

/// One over drawn cases, which counts them; `cargo xtask prove` runs it optimised.
const fn property(program: &'static str, name: &'static str) -> Kept {
    Kept { package: "trueup-engine", program, name, figure: None }
}

/// One of the targets of `fuzz/`, which `cargo xtask test` runs optimised.
const fn hostile(name: &'static str, figure: &'static str) -> Kept {
    Kept { package: "trueup-fuzz", program: "properties", name, figure: Some(figure) }
}

/// All of them, in order.
pub const PROMISES: [Promise; 20] = [
    Promise {
        id: "P1",
        text: "A run that is killed anywhere is finished by running it again: nothing lost, nothing twice.",
        tests: &[
            counted("crash::a_new_stack_survives_a_kill_at_every_request"),
            counted("crash::an_update_survives_a_kill_at_every_request"),
            counted("crash::a_replacement_survives_a_kill_at_every_request"),
            counted("crash::a_teardown_survives_a_kill_at_every_request"),
            property("back", "sequences::a_run_that_dies_anywhere_is_finished_by_the_next_one"),
        ],
        lacks: None,
    },
    Promise {
        id: "P2",
        text: "So is one that is killed again while it recovers.",
        tests: &[counted("crash::a_kill_during_the_recovery_from_a_kill_is_survived_too")],
        lacks: None,
    },
    Promise {
        id: "P3",
        text: "What was done and not answered is found again, and not done twice.",
        tests: &[counted("crash::what_was_done_and_not_answered_is_found_again")],
        lacks: None,
    },
    Promise {
        id: "P4",
        text: "Throttling, server errors, lost connections and broken answers are survived or told clearly, with few more calls.",
        tests: &[
            counted("network::half_of_all_calls_throttled_is_survived_with_few_calls_more"),
            counted("network::bursts_of_server_errors_are_survived"),
            counted("network::one_broken_answer_is_survived_or_told"),
            counted("network::a_server_that_closes_each_connection_makes_nothing_twice"),
            counted("network::a_network_that_answers_nothing_usable_is_named_and_left_soon"),
            suite("calls::throttling_makes_no_storm", "200 connections under throttling"),
        ],
        lacks: None,
    },
    Promise {
        id: "P5",
        text: "Reads that lag behind writes make nothing twice and show no change that is none.",
        tests: &[
            counted("network::reads_that_lag_make_nothing_twice"),
            property("owners", "sequences::a_late_index_makes_no_second_one"),
        ],
        lacks: None,
    },
    Promise {
        id: "P6",
        text: "Two applies at once end in one of the two manifests, with nothing made twice.",
        tests: &[
            property("back", "sequences::two_runs_at_once_end_in_one_of_the_two_states"),
            suite("interrupted::two_applies_at_once_make_each_connection_once", "one pair over 50 connections"),
            counted("races::two_applies_at_once_end_in_one_of_two_states_in_any_order"),
            suite("races::the_same_seed_gives_the_same_history", "three seeds, each run twice"),
            counted("lock::who_comes_second_is_told_who_is_at_work"),
        ],
        lacks: None,
    },
    Promise {
        id: "P7",
        text: "A stale plan is refused before the first write.",
        tests: &[
            suite("saved_plan::a_plan_is_stale_when_the_resource_was_changed", "a property changed"),
            suite("saved_plan::a_plan_is_stale_when_only_the_password_was_changed", "a password changed"),
            suite("saved_plan::a_plan_is_stale_when_the_resource_was_deleted", "a resource deleted"),
            suite("saved_plan::a_plan_is_stale_when_the_manifest_was_changed", "the manifest changed"),
            suite("saved_plan::a_plan_is_stale_when_a_variable_was_changed", "a variable changed"),
            suite("saved_plan::a_plan_is_stale_for_another_account", "another account"),
            suite("saved_plan::a_plan_that_was_edited_is_refused", "the plan edited"),
            counted("stale_plans::a_plan_is_refused_whichever_of_its_resources_was_touched"),
            counted("stale_plans::a_plan_that_was_applied_does_nothing_the_second_time"),
        ],
        lacks: None,
    },
    Promise {
        id: "P8",
        text: "A signal ends a run in order within 30 s, with a report of what was done; a second one ends it at once.",
        tests: &[
            counted("signals::a_signal_at_any_request_ends_a_run_in_order"),
            counted("signals::a_second_signal_ends_a_run_at_once"),
            property("back", "sequences::a_run_that_is_cancelled_anywhere_says_what_it_did"),
        ],
        lacks: None,
    },
    Promise {
        id: "P9",
        text: "Local trouble leaves no half-written file and no panic.",
        tests: &[
            counted("network::one_broken_answer_is_survived_or_told"),
            counted("network::a_network_that_answers_nothing_usable_is_named_and_left_soon"),
            counted("local_trouble::a_clock_that_is_wrong_or_jumps_is_corrected_by_the_refusal"),
            suite("local_trouble::a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one", "a full disk"),
            suite("local_trouble::a_place_that_cannot_be_written_is_named", "a folder that cannot be written"),
            suite("local_trouble::a_cache_that_cannot_be_kept_is_done_without", "a cache that cannot be written"),
            suite("local_trouble::without_a_home_everything_works", "no home"),
            suite("local_trouble::a_stream_that_is_closed_changes_nothing_that_is_done", "closed streams"),
            suite("local_trouble::a_reader_that_leaves_does_not_stop_an_apply", "a reader that leaves"),
            suite(
                "local_trouble::an_apply_whose_report_cannot_be_written_is_done_and_says_where_to_look",
                "a report onto a full disk",
            ),
            suite("local_trouble::without_a_terminal_nothing_is_asked_and_nothing_done", "no terminal"),
            suite("local_trouble::a_terminal_of_any_width_shows_a_plan", "terminals of 1 to 65,535 columns"),
            suite("local_trouble::little_memory_leaves_no_half_of_a_plan", "too little memory"),
        ],
        lacks: None,
    },
    Promise {
        id: "P10",
        text: "Hostile input neither panics nor hangs.",
        tests: &[
            hostile("manifests", "100,000 manifests, of pieces and of bytes"),
            hostile("templates", "100,000 templates"),
            hostile("files_of_variables", "100,000 files of variables"),
            hostile("plan_files", "100,000 saved plans"),
            hostile("differences", "100,000 pairs of what is wanted and what is live, and their patches"),
            hostile("projects", "100,000 stackql-deploy projects"),
            hostile("files_of_statements", "100,000 files of statements"),
            hostile("answers_of_services", "100,000 answers of services, through the whole client"),
            suite("malicious::time_and_memory_are_bounded", "bombs of YAML, templates and SQL in 1.5 GB"),
            suite("malicious::a_pipe_that_gives_nothing_holds_nobody", "pipes that give nothing"),
            engine("limits", "long_expressions_do_not_overflow_the_stack", "long expressions"),
            engine("limits", "loops_cannot_double_a_value", "values that double"),
            engine("limits", "filters_cannot_grow_a_text", "texts that grow"),
        ],
        lacks: Some("a night of cargo-fuzz"),
    },
    Promise {
        id: "P11",
        text: "No secret leaves: not in output, logs, plans, caches, errors or files.",
        tests: &[
            suite("scenarios::scenarios_log_no_secret", "every scenario, with a log of everything"),
            suite("saved_plan::a_saved_plan_holds_no_secret_and_does_what_it_says", "a saved plan"),
            suite("secrets_left::no_way_to_die_leaves_a_core_dump", "six signals, no core dump"),
            suite("secrets_left::a_script_gets_no_secret_that_was_not_in_the_environment", "what a script gets"),
            suite("secrets_left::a_secret_never_stands_in_the_line_of_a_script", "the line of a script"),
            suite("malicious::no_file_outside_the_stack_is_included", "files of others"),
            suite("malicious::the_environment_is_read_only_by_name", "variables of others"),
            suite("malicious::nothing_is_run", "programs"),
            suite("malicious::no_other_host_is_reached", "other hosts"),
            suite("malicious::no_secret_becomes_a_name", "names"),
        ],
        lacks: None,
    },
    Promise {
        id: "P12",
        text: "What is protected is never deleted, what is somebody else's never touched.",
        tests: &[
            property("back", "sequences::what_is_protected_is_never_deleted"),
            property("owners", "sequences::what_is_somebody_elses_is_never_touched"),
            property("owners", "sequences::any_way_through_deaths_ends_in_the_same_state"),
        ],
        lacks: None,
    },
    Promise {
        id: "P13",
        text: "After an apply there is nothing to do, nor after an import.",
        tests: &[
            counted("every_type::nothing_is_left_to_do_for_any_type"),
            suite("no_false_alarm::right_after_an_apply_nothing_differs", "200 drawn stacks of every kind"),
            suite(
                "import_mixed::an_account_is_imported_and_adopted_and_nothing_of_it_changes",
                "an account of every kind",
            ),
        ],
        lacks: None,
    },
    Promise {
        id: "P14",
        text: "The way to a state leaves no trace in it.",
        tests: &[
            property("back", "sequences::the_way_to_a_state_leaves_no_trace"),
            property("back", "sequences::names_change_without_loss"),
            property("owners", "sequences::any_way_through_deaths_ends_in_the_same_state"),
        ],
        lacks: None,
    },
    Promise {
        id: "P15",
        text: "The same inputs give the same plan, to the byte.",
        tests: &[
            counted("order::a_plan_is_the_same_whatever_the_order_of_the_answers"),
            suite("saved_plan::the_plan_for_the_same_inputs_is_the_same_to_the_byte", "a saved plan"),
        ],
        lacks: None,
    },
    Promise {
        id: "P16",
        text: "The policy of `trueup iam` is enough, and nothing in it is too much.",
        tests: &[
            counted("least_privilege::a_policy_to_read_allows_just_that"),
            counted("least_privilege::a_policy_to_apply_allows_just_that"),
            counted("least_privilege::a_policy_to_tear_down_allows_just_that"),
        ],
        lacks: None,
    },
    Promise {
        id: "P17",
        text: "What is shipped is known: licences, advisories, no `unsafe` of ours, a build that can be repeated.",
        tests: &[
            chore("release::tests::no_crate_of_ours_may_be_unsafe", "every crate of the workspace"),
            chore("release::tests::no_path_of_the_machine_is_left", "the paths that a build is told to forget"),
            suite("pipelines::own::only_what_publishes_may_write", "the workflow that releases"),
        ],
        lacks: Some(
            "by this run: two builds with the same hash, and the bill of materials; `cargo xtask release --verify` compares and \
             `cargo xtask release` writes them, see [releasing](releasing.md); `cargo deny` runs in CI",
        ),
    },
    Promise {
        id: "P18",
        text: "Commands that only read send nothing that writes.",
        tests: &[suite("calls::commands_that_only_read_send_nothing_that_writes", "each of them")],
        lacks: None,
    },
    Promise {
        id: "P19",
        text: "Memory and time stay within bounds.",
        tests: &[
            counted("bounds::ten_thousand_resources_are_validated_and_planned_within_bounds"),
            engine("limits", "a_stack_has_a_limit_of_instances_and_bytes", "a limit of instances and bytes"),
        ],
        lacks: Some(
            "times, and the 150 MiB that what is shipped may take for 10,000 resources: these are measured, see \
             [benchmarks](benchmarks.md)",
        ),
    },
    Promise {
        id: "P20",
        text: "A lock cannot strand anybody.",
        tests: &[
            counted("lock::a_holder_that_is_killed_keeps_nobody_out_for_longer_than_a_minute"),
            suite("lock::a_file_locks_as_well", "a file whose holder is killed"),
            suite("lock::the_lock_is_let_go_after_a_failure_and_after_a_signal", "a failure and two signals"),
            suite("lock::an_answer_that_is_lost_is_no_lost_lock", "each operation of it, without its answer"),
            suite("lock::nothing_new_is_begun_once_the_lock_could_not_be_renewed", "a store that answers no more"),
        ],
        lacks: None,
    },
];
