import Glibc

/// Descriptors 0, 1 and 2 of a program that was started without some of them.
package enum StandardDescriptors {
  /// Puts a placeholder where one is missing, that can neither be read nor written for what it stands for: else the
  /// next file or connection would get its number, and what is printed would go there. Called first of all.
  package static func fill() {
    for descriptor in 0...Int32(2) where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
    }
  }
}
