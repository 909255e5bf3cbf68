//! Pages that are only counted.

use journey::web_event::{Activity, Page};
use url::Url;

/// The path of every page that is only counted: none that a site has, or what is done on its first page would be done here.
const PATH: &str = "/[count_only]";

/// Of an event on a page that is only counted: that it was, on which host, where, and with which machine.
pub(crate) fn only(activity: Activity, url: &Url) -> Activity {
    let page = Page {
        url: format!("{}://{}{PATH}", url.scheme(), activity.page.hostname).into(),
        domain: activity.page.domain,
        hostname: activity.page.hostname,
        pathname: PATH.into(),
        ..Page::default()
    };
    Activity {
        page,
        event_name: activity.event_name,
        user_agent_string: activity.user_agent_string,
        browser: activity.browser,
        device: activity.device,
        geolocation: activity.geolocation,
        ..Activity::default()
    }
}
