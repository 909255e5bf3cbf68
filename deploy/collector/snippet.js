// Before it: window.footfall = {deployment: "shop", collector: "https://collect.shop.example/events"}
(function (options) {
  const known = () => (document.cookie.match(/(?:^|; )footfall=([^;]+)/) || [])[1];
  window.footfall.send = (eventName, attributes) => {
    const consent = options.consent || { state: "unknown" };
    // No cookie and no event before the visitor agreed; that it is withdrawn is told once more, and the cookie goes.
    const granted = consent.state === "granted";
    if (!granted && !(consent.state === "withdrawn" && known())) return;
    const id = known() || crypto.randomUUID();
    document.cookie = `footfall=${id}; Max-Age=${granted ? 31536000 : 0}; Path=/; SameSite=Lax; Secure`;
    const now = new Date().toISOString();
    navigator.sendBeacon(options.collector, JSON.stringify({
      eventId: crypto.randomUUID(), deploymentId: options.deployment, customerCookieId: id, eventName, attributes,
      page: { url: location.href, title: document.title, lang: document.documentElement.lang },
      referrerUrl: document.referrer, userAgentString: navigator.userAgent, consent, gpc: Boolean(navigator.globalPrivacyControl),
      createdDate: now, sentDate: now,
    }));
  };
  // The consent banner calls this: {state: "granted", purposes: ["visits"], source: "banner"}
  window.footfall.consented = (consent) => { options.consent = consent; window.footfall.send("page_viewed"); };
})(window.footfall);
