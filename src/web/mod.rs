//! The page, embedded in the binary: every file of `web/` under its path.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

mod files {
    include!(concat!(env!("OUT_DIR"), "/web_files.rs"));
}

#[cfg(test)]
mod tests;

/// A file with its validator.
struct Asset {
    content: &'static [u8],
    content_type: &'static str,
    etag: HeaderValue,
}

static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    let asset =
        |(path, content): &(&'static str, &'static [u8])| (*path, Asset::new(path, content));
    files::FILES.iter().map(asset).collect()
});

/// What the page asks of its server before it has spoken to it: `/page.json`.
#[derive(Debug, Clone, Serialize)]
pub struct PageFacts {
    /// Where the same page is served over TLS, if it is.
    pub https_port: Option<u16>,
}

/// Answers `GET /page.json`.
pub async fn facts(State(facts): State<PageFacts>) -> Response {
    let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (fresh, Json(facts)).into_response()
}

/// Serves `GET` and `HEAD` of a file of the page; `/` is `/index.html`.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    respond(&method, uri.path(), &headers)
}

fn respond(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let path = if path.ends_with('/') {
        format!("{path}index.html")
    } else {
        path.to_owned()
    };
    let Some(asset) = ASSETS.get(path.as_str()) else {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    };
    if *method != Method::GET && *method != Method::HEAD {
        let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    // Always asked for again, answered from the cache: a new binary shows its own page at once.
    let mut response = if asset.is_known_to(headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(asset.content).into_response()
    };
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.content_type),
    );
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(header::ETAG, asset.etag.clone());
    response
}

impl Asset {
    fn new(path: &str, content: &'static [u8]) -> Self {
        let digest = digest(&SHA256, content);
        let hex: String = digest
            .as_ref()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let etag = HeaderValue::from_str(&format!("\"{hex}\""));
        Self {
            content,
            content_type: content_type(path),
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }

    /// RFC 9110 13.1.2
    fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let values = headers.get_all(header::IF_NONE_MATCH);
        let mut tags = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| {
                value
                    .split(',')
                    .map(|tag| tag.trim().trim_start_matches("W/"))
            });
        tags.any(|tag| tag == "*" || tag.as_bytes() == self.etag.as_bytes())
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "wav" => "audio/wav",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
