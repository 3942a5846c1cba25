/// The version of jobd and jobctl.
public enum Version {
  public static let text = "0.2.0"
}
