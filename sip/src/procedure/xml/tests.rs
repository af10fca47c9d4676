use proptest::prelude::*;

use super::*;

fn names(document: &str) -> Vec<&[u8]> {
    elements(document.as_bytes()).collect()
}

#[test]
fn text_cannot_become_an_element_or_end_an_attribute() {
    let mut out = String::new();
    attribute("a", "\"><b c='&'/>\r\n\0\u{FFFF}", &mut out);
    assert_eq!(out, " a=\"&quot;&gt;&lt;b c=&apos;&amp;&apos;/&gt;\"");
    let mut out = String::new();
    element("e", "</e><f/>", &mut out);
    assert_eq!(names(&out), [b"e"]);
}

#[test]
fn elements_are_found_and_nothing_else() {
    let document = "<?xml version='1.0'?><!-- <no/> --><a:b c='d'>text<![CDATA[<no/>]]><e/></a:b>";
    assert_eq!(names(document), [&b"b"[..], b"e"]);
    assert!(names("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>").is_empty());
    assert!(names("<a").is_empty());
    assert!(names("").is_empty());
}

proptest! {
    #[test]
    fn no_document_panics_and_none_has_more_elements_than_brackets(document: Vec<u8>) {
        let brackets = document.iter().filter(|byte| **byte == b'<').count();
        prop_assert!(elements(&document).count() <= brackets);
    }

    #[test]
    fn text_stays_text(plain: String) {
        let mut out = String::new();
        element("e", &plain, &mut out);
        prop_assert_eq!(elements(out.as_bytes()).count(), 1);
    }
}
