import JobAPI

extension RequestHead {
  /// A browser adds its certificate to what any page asks of any host. Refuses what another site's page asks; that
  /// somebody follows its link to a page of ours, or types the address, is no such request.
  func requireOwnSite() throws(Problem) {
    if let site = header("sec-fetch-site"), site != "same-origin", site != "none", !isNavigation {
      throw Problem(403, "a page of another site asks for this: Sec-Fetch-Site is \(printable(site))")
    }
    guard let origin = header("origin") else { return }
    let own = header("host").map { "https://\($0)" }
    guard origin.lowercased() == own?.lowercased() else {
      throw Problem(403, "a page of another site asks for this: Origin is \(printable(origin))")
    }
  }

  /// A page is opened in a window of its own, with a method that changes nothing.
  private var isNavigation: Bool {
    (isHead || method.elementsEqual("GET".utf8)) && header("sec-fetch-mode") == "navigate"
      && header("sec-fetch-dest") == "document"
  }
}
