use super::*;

fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
    respond(&Method::GET, path, &pairs.collect())
}

#[test]
fn the_page_is_served_at_the_root_and_cached_by_its_content() {
    let first = get("/", &[]);
    assert_eq!(first.status(), 200);
    assert_eq!(
        first.headers()[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        get("/index.html", &[(header::IF_NONE_MATCH, &etag)]).status(),
        304
    );
    let several = format!("\"other\", W/{etag}");
    assert_eq!(get("/", &[(header::IF_NONE_MATCH, &several)]).status(), 304);
    assert_eq!(
        get("/", &[(header::IF_NONE_MATCH, "\"other\"")]).status(),
        200
    );
}

#[test]
fn paths_outside_the_page_are_not_found() {
    for path in [
        "/nothing",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/.git/config",
    ] {
        assert_eq!(get(path, &[]).status(), 404, "{path}");
    }
}

#[test]
fn the_page_is_not_written_to() {
    let response = respond(&Method::POST, "/", &HeaderMap::new());
    assert_eq!(response.status(), 405);
}
