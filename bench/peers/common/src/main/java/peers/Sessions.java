package peers;

import footfall.Activity;
import footfall.WebEvent;
import peers.out.Session;

/** The aggregate, on the Avro session record itself. */
public final class Sessions {
  public static final long GAP = 20 * 60_000L;
  public static final long GRACE = 60_000L;
  public static final String PAGE_VIEW = "page_viewed";

  public static Session empty() { return new Session(); }

  public static Session add(String visitor, WebEvent e, Session s) {
    long ts = e.getOccurredAt();
    if (s.getEventCount() == 0) {
      s.setVisitorId(visitor);
      first(e, ts, s);
      s.setEnd(ts);
      s.setExitUrl(e.getWebEvent().getPage().getUrl());
    } else {
      if (ts < s.getStart()) first(e, ts, s);
      if (ts >= s.getEnd()) {
        s.setEnd(ts);
        s.setExitUrl(e.getWebEvent().getPage().getUrl());
      }
    }
    s.setEventCount(s.getEventCount() + 1);
    if (Sessions.PAGE_VIEW.equals(e.getWebEvent().getEventName())) s.setPageViewCount(s.getPageViewCount() + 1);
    return s;
  }

  private static void first(WebEvent event, long ts, Session s) {
    Activity e = event.getWebEvent();
    s.setStart(ts);
    s.setEntryUrl(e.getPage().getUrl());
    s.setBrowser(browser(e));
    s.setDevice(device(e));
    s.setReferrer(referrer(e));
    s.setCampaign(campaign(e));
  }

  public static String browser(Activity e) { return e.getBrowser() == null ? "" : e.getBrowser().getFamily(); }

  public static String device(Activity e) { return e.getDevice() == null ? "" : e.getDevice().getCategory(); }

  public static String referrer(Activity e) { return e.getReferrer() == null ? "" : e.getReferrer().getHostname(); }

  public static String campaign(Activity e) {
    var campaign = e.getMktCampaign();
    return campaign == null || campaign.getName() == null ? "" : campaign.getName();
  }

  public static Session merge(Session a, Session b) {
    if (a.getEventCount() == 0) return b;
    if (b.getEventCount() == 0) return a;
    Session lo = a.getStart() <= b.getStart() ? a : b, hi = lo == a ? b : a;
    if (hi.getEnd() >= lo.getEnd()) {
      lo.setEnd(hi.getEnd());
      lo.setExitUrl(hi.getExitUrl());
    }
    lo.setEventCount(lo.getEventCount() + hi.getEventCount());
    lo.setPageViewCount(lo.getPageViewCount() + hi.getPageViewCount());
    return lo;
  }

  private Sessions() {}
}
