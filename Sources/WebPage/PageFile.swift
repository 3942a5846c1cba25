import Platform

/// One of the files that the web page is made of.
public struct PageFile: Sendable {
  public let name: String
  /// Its media type.
  public let type: StaticString
  public let bytes: [UInt8]
  /// An entity tag of the content, quoted as in HTTP.
  public let tag: String

  private init(_ name: String, _ type: StaticString, _ bytes: [UInt8]) {
    (self.name, self.type, self.bytes) = (name, type, bytes)
    tag = "\"\(StableHash.text(bytes))\""
  }

  public static let all: [PageFile] = [
    PageFile("index.html", "text/html; charset=utf-8", PackageResources.index_html),
    PageFile("page.css", "text/css; charset=utf-8", PackageResources.page_css),
    PageFile("icon.svg", "image/svg+xml", PackageResources.icon_svg),
    script("main.js", PackageResources.main_js),
    script("api.js", PackageResources.api_js),
    script("text.js", PackageResources.text_js),
    script("list.js", PackageResources.list_js),
    script("detail.js", PackageResources.detail_js),
    script("output.js", PackageResources.output_js),
    script("ansi.js", PackageResources.ansi_js),
    script("run.js", PackageResources.run_js),
    script("load.js", PackageResources.load_js),
  ]

  private static func script(_ name: String, _ bytes: [UInt8]) -> PageFile {
    PageFile(name, "text/javascript; charset=utf-8", bytes)
  }

  /// Nil: the page has no such file.
  public static func named(_ name: String) -> PageFile? { all.first { $0.name == name } }
}
