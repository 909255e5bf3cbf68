//! Whose snippet sent it.

use crate::{
    accepted::Rules,
    field,
    json::Scalar,
    reason::{Flaw, RejectReason},
    site::Site,
};

/// Whether the record is a JSON object at all.
pub(crate) fn is_object(present: bool, wrong: Option<&'static str>) -> Result<(), Flaw> {
    let kind = if present { wrong } else { Some("null") };
    kind.map_or(Ok(()), |kind| {
        Err(Flaw::new(
            RejectReason::WrongType,
            format!("the event is {kind}, not an object"),
        ))
    })
}

/// The deployment that a record names, with its rules.
pub(crate) fn of<'s, 't>(
    id: &'s Scalar<'_>,
    rules: &Rules<'t>,
) -> Result<(&'s str, &'t Site), Flaw> {
    let limit = rules.config.limits.id_bytes;
    let id = field::required("deploymentId", id, limit, RejectReason::MissingDeploymentId)?;
    if !field::is_deployment_id(id) {
        let what = "`deploymentId` is not printable, or longer than 128 bytes";
        return Err(Flaw::new(RejectReason::InvalidDeploymentId, what));
    }
    let unknown = || {
        Flaw::new(
            RejectReason::UnknownDeployment,
            "`deploymentId` names no deployment that is defined",
        )
    };
    Ok((id, rules.sites.get(id).ok_or_else(unknown)?))
}

/// What a dead letter says of its origin: an id that could be one, whatever else is wrong.
pub(crate) fn as_far_as_known(id: &Scalar<'_>) -> Option<String> {
    match id {
        Scalar::Text(id) if field::is_deployment_id(id) => Some(id.clone().into_owned()),
        _ => None,
    }
}
