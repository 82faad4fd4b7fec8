#if HOLDFAST_SCHEDULES
/// The campaigns of a build that can choose who runs when.
let scheduleCampaigns: [any Campaign.Type] = [ScheduleCampaign.self]
#else
/// None: the locks of this build leave it to the system who runs when. `tools/torture schedules` makes the other build.
let scheduleCampaigns: [any Campaign.Type] = []
#endif
