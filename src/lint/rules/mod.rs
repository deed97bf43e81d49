//! The table of rules: one line each, in the order of the tiers.

use super::rule::Rule;

/// The list of files becomes the module declarations and the slice.
macro_rules! rules {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$file::RULE),*];
    };
}

rules![
    single_member_continuity,
    member_unmonitored,
    attribute_unmapped,
    member_listed_twice,
    timeout_not_below_interval,
    detection_too_slow,
    healthy_threshold_invites_flapping,
    health_check_never_matches,
    simulation_enabled,
    members_share_redirect_url,
    members_share_network_path,
    members_differ_in_assurance,
    continuity_unused,
    app_bypasses_continuity,
    access_hangs_on_one_directory,
    saml_metadata_from_file,
    privileged_attribute_default,
    attribute_shape_differs,
    claim_not_in_continuity,
    oidc_claim_name_on_saml_member,
    subject_not_stable_across_members,
    email_as_identity_from_mutable_claim,
    transient_nameid_as_identity,
    look_up_by_mutable_claim,
    negated_rule_undecided,
    contains_counts_values,
    backup_shares_vendor,
    fewer_than_three_members,
    backup_shares_region,
    backup_shares_protocol,
    backup_shares_domain,
    health_endpoint_shared_by_members,
    directory_with_one_server,
    edge_with_one_root,
    root_with_two_vendors,
    edge_holds_idp_credentials,
    edge_client_unknown_at_root,
    edge_redirect_not_registered_at_root,
    root_without_continuity,
    root_claims_differ,
    federation_cycle,
    root_health_hides_idp_outage,
    slow_tactical_detection,
    no_local_fallback,
    remote_tactical_fallback,
    tactical_recovery_too_eager,
    affinity_cookie_is_session_cookie,
    session_cookie_domain_too_wide,
    secret_written_inline,
    tls_verification_off,
    public_client_without_pkce,
    proxy_location_open_to_all,
    redirect_url_not_exact,
];
