import Glibc

/// A TCP port that is free at the moment.
package enum FreePort {
  package static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutableBytes(of: &address) { bytes in
      let raw = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      return bind(descriptor, raw, size) != 0 || getsockname(descriptor, raw, &size) != 0
    }
    guard !status else { throw CannotStart(program: "bind", code: errno) }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
