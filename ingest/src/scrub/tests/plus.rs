//! When a `+` in a URL is one.

use super::*;

const NUMBER: &str = "+4915112345678";

#[track_caller]
fn found(form: Form, around: &[&str]) {
    for around in around {
        let text = around.replace('*', NUMBER);
        check(form, &text, &around.replace('*', "[phone]"));
    }
}

#[test]
fn a_plus_in_a_query_is_one_where_nothing_is_parted_by_a_space() {
    found(
        Form::Query,
        &[
            "*",
            "*&x=1",
            "tel=*",
            "a=1&*",
            "u=tel:*",
            "u=/call/*",
            "a,*",
            "tel=%20*",
            "tel=%2520*",
            "tel=%C2%A0*",
            "tel=%09*",
            "msg=call%20*%20now",
            "msg=(*)",
            "msg=call+(*)",
            "msg=%28*%29",
            "msg=%5B*%5D",
            "x[*]=1",
            "q=%22*%22",
            "q=call+%22*%22",
            "q=%E2%80%9E*%E2%80%9C",
            "q=%E2%80%9C*%E2%80%9D",
            "q=%E2%98%8E*",
            "q=%F0%9F%93%9E*",
        ],
    );
}

#[test]
fn a_plus_in_a_query_is_a_space_behind_a_word_and_what_ends_one() {
    untouched(
        Form::Query,
        &[
            "q=foo+12345678",
            "q=foo++12345678",
            "q=Order+no%3A+12345678",
            "q=foo%2C+12345678",
            "q=x+%3D+12345678",
            "q=Really%3F+12345678",
            "q=%22foo%22+12345678",
            "q=%E2%80%9Efoo%E2%80%9C+12345678",
            "q=(foo)+12345678",
            "q=foo.+12345678",
            "q=%C3%A9+12345678",
            "q=1%2B12345678",
        ],
    );
}

#[test]
fn a_plus_elsewhere_in_a_url_is_one() {
    found(
        Form::Path,
        &[
            "*",
            "/*",
            "/call/%20*",
            "/call/Call%20*/now",
            "/call/%22*%22",
            "/tel;*",
            "/a-*",
            "/call/%2520*",
            "/call/%E2%98%8E*",
        ],
    );
    untouched(
        Form::Path,
        &["/q/foo+12345678", "/C++/1", "/a%2B/x+123456789"],
    );
}
