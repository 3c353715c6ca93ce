"""Each sentence of what the outside may rely on, and the tests that prove it: `file` or `file::test`, below tests/."""

from __future__ import annotations

import ast

import pytest

from tests.served import ROOT

SENTENCES: dict[str, tuple[str, ...]] = {
    # ---- serve ----
    "serve migrates, binds, and prints its addresses once /readyz answers 200": (
        "server/test_serve.py::test_ready_line_names_addresses_that_answer",
    ),
    "with --json it is one line: event, pid, console, odata, oas, setup_url": (
        "contract/test_serving.py::test_each_variable_may_come_from_a_file",
    ),
    "a second server on the same data refuses to start": ("server/test_serve.py::test_serve_refuses_a_second_server_on_the_same_data",),
    "no child outlives the supervisor, kill -9 included": ("server/test_serve.py::test_no_child_outlives_a_killed_supervisor",),
    "a child that dies comes back": ("server/test_serve.py::test_dead_web_process_comes_back",),
    "SIGTERM finishes requests in flight": ("contract/test_serving.py::test_stop_finishes_requests_under_way_and_takes_no_more",),
    "a start that can't work is told in one line, exit code 1": ("contract/test_serving.py::test_bad_start_is_told_in_one_line",),
    "--tls-cert, --tls-key, --tls-self-signed serve https": (
        "contract/test_serving.py::test_certificate_and_key_come_from_variables",
        "contract/test_serving.py::test_self_signed_certificate_serves_https",
    ),
    "--public-url is the root of links and of the ready line": (
        "contract/test_serving.py::test_public_url_stands_in_the_ready_line_and_in_links",
    ),
    # ---- other commands ----
    "apply tells changed, created, updated, deleted and generated authtokens": (
        "contract/test_commands.py::test_apply_tells_what_it_did_in_one_json_line",
    ),
    "apply is one transaction: what is wrong exits 1, is named, changes nothing": (
        "contract/test_commands.py::test_apply_of_a_broken_file_exits_1_names_it_and_changes_nothing",
        "resources/test_broken_files.py::test_a_broken_file_is_refused_whole",
    ),
    "what the file does not mention stays unless --prune": (
        "contract/test_commands.py::test_apply_updates_deletes_with_prune_alone_and_says_so",
        "server/test_configuration.py::test_prune_deletes_the_unmentioned_but_nobody_who_signs_in",
    ),
    "a running server follows within a second": ("contract/test_environment.py::test_running_server_follows_within_a_second",),
    "diff exits 0 when the same, 2 when different": (
        "contract/test_commands.py::test_diff_exits_0_when_the_same_2_when_different_and_changes_nothing",
    ),
    "export gives secrets as variables of fixed names": ("contract/test_commands.py::test_export_names_variables_in_the_place_of_secrets",),
    "export seals secrets with --passphrase-file": (
        "contract/test_commands.py::test_sealed_export_travels_and_opens_with_its_passphrase_alone",
    ),
    "an export applied to an empty server gives the same $metadata and $oas byte for byte": (
        "contract/test_round_trip.py::test_export_applied_to_an_empty_server_gives_the_same_documents",
    ),
    "reset_admin gives a one-time link, one JSON line with --json": (
        "contract/test_commands.py::test_reset_admin_gives_a_link_that_the_running_server_opens",
        "users/test_setup.py::test_link_makes_one_administrator_and_ends",
    ),
    "rotate_keys seals anew while the server runs": (
        "contract/test_commands.py::test_rotated_keys_go_on_serving_and_old_ones_stay_until_the_server_stops",
        "users/test_tokens.py::test_rotate_keys_seals_anew_while_others_go_on",
    ),
    "check_connector names the steps; the exit code tells": (
        "contract/test_check_connector.py::test_connection_that_works_exits_0",
        "contract/test_check_connector.py::test_connection_that_fails_exits_1_at_the_step_with_a_hint",
    ),
    "commands work with no server running": ("contract/test_commands.py::test_commands_work_with_no_server_running",),
    # ---- variables ----
    "the data directory is ~/.apiserver, on Windows %ProgramData%/APIServer": (
        "contract/test_commands.py::test_data_directory_is_in_the_home_directory_unless_named",
        "contract/test_commands.py::test_data_directory_of_windows",
    ),
    "127.0.0.1 and 8153 are the defaults, PORT is understood": (
        "contract/test_commands.py::test_server_listens_on_this_machine_and_8153_unless_told",
    ),
    "DATABASE_URL is understood": ("contract/test_environment.py::test_gates",),
    "administrator by variables: it exists, no link": ("contract/test_environment.py::test_administrator_exists_and_there_is_no_link",),
    "APISERVER_ALLOWED_HOSTS bounds host names": (
        "contract/test_serving.py::test_only_allowed_hosts_are_answered",
        "contract/test_serving.py::test_refused_host_is_told_in_the_odata_body_with_security_headers",
    ),
    "APISERVER_WEB_WORKERS is the number of web processes": ("contract/test_serving.py::test_one_worker_is_one_process",),
    "each variable also as NAME_FILE": ("contract/test_serving.py::test_each_variable_may_come_from_a_file",),
    "secrets leave the process environment": ("contract/test_environment.py::test_no_process_shows_a_secret_or_keeps_it_open",),
    "keys that are given are not made": ("contract/test_serving.py::test_keys_given_are_not_made",),
    "settings.cfg is understood, followed, and locks": (
        "contract/test_serving.py::test_settings_file_is_followed_and_locks",
        "server/test_options.py::test_settings_cfg_stands_over_the_database_and_locks",
    ),
    "the order is environment, settings.cfg, database": ("server/test_options.py::test_environment_stands_over_everything",),
    "the console shows a value set elsewhere as locked, with its origin": (
        "console/test_server.py::test_locked_setting_is_shown_with_its_origin",
        "manage/test_configuration.py::test_locked_settings_are_told_and_refused",
    ),
    # ---- configuration file ----
    "every key and every default": ("contract/test_configuration_page.py",),
    "unknown keys are refused with the nearest": ("server/test_configuration.py::test_what_is_wrong_is_named_and_nothing_changes",),
    "a value may be {env: NAME} or {file: PATH} anywhere": (
        "server/test_configuration.py::test_values_come_from_variables_and_files_everywhere",
    ),
    "YAML or JSON": ("server/test_configuration.py::test_json_and_empty_files_are_files_too",),
    "trusted addresses: one, a network, 100.10.100.1-15, 100.10.100.*": ("server/test_addresses.py::test_rule_knows_who_is_inside",),
    "forwarded headers only from trusted_proxies": (
        "server/test_addresses.py::test_forwarded_headers_of_strangers_do_not_count",
        "server/test_gates.py::test_forwarded_request_from_an_unlisted_proxy_is_not_local",
    ),
    "page_size 0 is everything in one streamed answer": ("odata/test_service_pages.py::test_page_size_zero_streams_everything",),
    "maxpagesize is clipped to max_page_size; $top has no cap": (
        "contract/test_addresses.py::test_page_size_that_is_preferred_is_clipped",
        "contract/test_addresses.py::test_top_has_no_cap_and_the_link_goes_on",
    ),
    "put_merges": ("contract/test_addresses.py::test_put_replaces_until_the_server_merges",),
    "cors": (
        "server/test_gates.py::test_cors_is_off_until_the_articles_settings_are_on",
        "server/test_middleware.py::test_all_without_star_echoes_the_origin_and_varies",
        "server/test_middleware.py::test_preflight_headers_but_the_designers_are_echoed_only_when_set",
    ),
    "limits: a user's own value wins": (
        "users/test_limits.py::test_own_limit_stands_over_the_servers",
        "compliance/test_limits.py::test_hourly_limit_holds_over_all_workers",
    ),
    "anonymous": ("users/test_authentication.py::test_anonymous_has_the_rights_of_its_user",),
    "unknown connection property names the nearest": ("connectors/test_properties.py::test_wrong_properties_are_named",),
    "connections never reach the product's own database or broker": (
        "connectors/test_properties.py::test_own_database_is_forbidden",
        "connectors/test_properties.py::test_own_file_is_forbidden_under_every_name",
    ),
    "read_only connections take no writes": ("connectors/test_session.py::test_read_only_connection_refuses_transactions",),
    "TimeZone": ("connectors/test_round_trip.py::test_naive_times_are_read_in_the_connections_zone",),
    "derived views: one connection; several are refused": (
        "resources/test_derived_views.py::test_a_view_reads_as_a_table",
        "resources/test_broken_files.py::test_a_broken_file_is_refused_whole",
    ),
    "columns, key and relations are found by reflection": ("connectors/test_reflection.py::test_keys_and_relations_are_whole",),
    # ---- rights ----
    "rights are what role, privileges, resource and grant all allow": (
        "odata/test_service_views.py::test_privileges_bound_the_methods",
        "compliance/test_rights_random.py",
    ),
    "a resource that is not visible is 404": ("compliance/test_rights.py::test_hidden_resource_is_absent_everywhere",),
    "visible, method forbidden: 403": ("compliance/test_rights.py::test_method_that_is_not_granted_is_403",),
    "a row outside the filter is 404; writing there is 403": (
        "compliance/test_rights.py::test_row_filter_holds_in_every_read",
        "compliance/test_rights.py::test_row_filter_holds_through_relations",
        "compliance/test_rights.py::test_writes_stay_inside_the_row_filter",
    ),
    "a hidden column is as if it did not exist": ("compliance/test_rights.py::test_hidden_column_is_as_if_it_did_not_exist",),
    "MERGE needs PATCH": ("contract/test_merge.py::test_merge_needs_the_privilege_patch",),
    "untrusted address: 403 first, naming it": (
        "server/test_gates.py::test_untrusted_address_is_refused_by_name_and_follows_the_setting",
        "server/test_middleware.py::test_address_is_refused_before_the_token_is_asked_for",
    ),
    "then 401 on every endpoint and method": ("contract/test_addresses.py::test_nothing_is_answered_without_a_valid_token",),
    "open are OPTIONS, health, set-up link, sign-in": (
        "contract/test_addresses.py::test_what_is_open_answers_without_a_token",
        "contract/test_addresses.py::test_preflights_are_open_and_root_leads_to_the_console",
        "server/test_serve.py::test_ready_line_names_addresses_that_answer",
    ),
    "refusals carry CORS headers and are logged": (
        "server/test_middleware.py::test_preflight_needs_no_token_and_refusals_carry_the_headers",
        "contract/test_merge.py::test_refusals_are_logged",
    ),
    "authtokens have 22 to 128 letters, digits, - and _, checked on apply": (
        "contract/test_commands.py::test_apply_of_a_broken_file_exits_1_names_it_and_changes_nothing",
        "users/test_tokens.py::test_token_of_another_shape_is_refused",
    ),
    "authtokens are kept sealed; reveal is for administrators and audited": (
        "users/test_tokens.py::test_generated_token_is_long_random_and_stored_sealed",
        "console/test_users.py::test_reveal_shows_and_records",
    ),
    "authtokens in header, Bearer, Basic, path, query; two that differ: 401": (
        "server/test_gates.py::test_credentials_in_every_header_form_and_none_that_differ",
        "contract/test_environment.py::test_gates",
    ),
    "in the URL while that is off: 401 with a hint": ("compliance/test_rights.py::test_token_in_the_url_is_refused_until_allowed",),
    "@authtoken and @x-http-method leave the query first; %40 is @": (
        "odata/test_service_headers.py::test_steering_names_are_taken_out_of_the_query",
        "contract/test_addresses.py::test_options_are_known_or_refused_and_other_names_ignored",
        "server/test_gates.py::test_token_in_the_path_stays_in_links_and_out_of_the_log",
    ),
    "links carry @TOKEN only when the path did": ("contract/test_addresses.py::test_links_carry_the_token_only_when_the_path_did",),
    "Referrer-Policy": ("contract/test_addresses.py::test_referrers_are_kept_from_the_api_alone",),
    "/manage/api/ is for administrators and operators": (
        "contract/test_addresses.py::test_management_is_for_administrators_and_operators",
        "manage/test_roles.py::test_others_do_nothing",
    ),
    # ---- addresses and names ----
    "/api.rsc and /api.rsc/ answer 200; / leads to /console/": (
        "contract/test_environment.py::test_gates",
        "contract/test_addresses.py::test_preflights_are_open_and_root_leads_to_the_console",
    ),
    "resource = table, connection_schema_table on a clash": (
        "contract/test_addresses.py::test_resource_is_named_as_its_table_and_with_connection_and_schema_on_a_clash",
    ),
    "property = column; refused characters become _, the original is told; namespace API": (
        "contract/test_addresses.py::test_characters_that_clients_refuse_become_underscores_and_the_original_is_told",
    ),
    "Return Issues, Return one of Issues; operationIds of letters and digits; PATCH only": (
        "contract/test_addresses.py::test_operations_are_called_as_flows_know_them",
    ),
    "operationIds come from an id that never changes": (
        "contract/test_addresses.py::test_operation_ids_outlive_a_rename",
        "contract/test_round_trip.py::test_ids_stay_and_belong_to_one_resource",
    ),
    "unknown $option: 400; without $ it is the option; others are ignored and logged": (
        "contract/test_addresses.py::test_options_are_known_or_refused_and_other_names_ignored",
        "contract/test_addresses.py::test_name_without_dollar_is_the_option_and_other_names_are_logged",
    ),
    "$search": ("contract/test_addresses.py::test_search_finds_literal_text_in_any_case",),
    "order is the key, nulls are lowest": ("contract/test_addresses.py::test_order_is_the_key_and_nulls_are_lowest",),
    "nextLink is signed, bound to query, rights and page": (
        "contract/test_addresses.py::test_link_is_bound_to_query_user_rights_and_its_own_text",
    ),
    "a table that changed after publishing is named, never a 500": ("contract/test_changed_tables.py",),
    "rights that name what is gone show nothing": ("contract/test_refreshed.py",),
    "its own database away is a 503": ("contract/test_own_database.py", "server/test_middleware.py"),
}


def names_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentence_has_its_tests(sentence: str) -> None:
    for proof in SENTENCES[sentence]:
        path, _, name = proof.partition("::")
        assert name in names_in(path) if name else names_in(path)
