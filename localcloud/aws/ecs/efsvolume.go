package ecs

import (
	"path"
	"regexp"

	"slipway/localcloud/cloud"
)

// efsVolume is a file system of Amazon EFS that tasks mount.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html
type efsVolume struct {
	FileSystemID          string `json:"fileSystemId"`
	RootDirectory         string `json:"rootDirectory"`
	TransitEncryption     string `json:"transitEncryption"`
	TransitEncryptionPort int    `json:"transitEncryptionPort"`
	AuthorizationConfig   *struct {
		AccessPointID string `json:"accessPointId"`
		IAM           string `json:"iam"`
	} `json:"authorizationConfig"`
}

var (
	fileSystemID  = regexp.MustCompile(`^fs-([0-9a-f]{8}|[0-9a-f]{17})$`)
	accessPointID = regexp.MustCompile(`^fsap-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

const enabled = "ENABLED"

// check has the rules of RegisterTaskDefinition for an EFS volume; nil is none.
func (v *efsVolume) check(volume string) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	switch {
	case v == nil:
		return nil
	case !fileSystemID.MatchString(v.FileSystemID):
		return refuse("Invalid fileSystemId '%s' of volume '%s'.", v.FileSystemID, volume)
	case v.AuthorizationConfig == nil:
		return nil
	}
	authorization := v.AuthorizationConfig
	switch {
	case authorization.AccessPointID != "" && !accessPointID.MatchString(authorization.AccessPointID):
		return refuse("Invalid accessPointId '%s' of volume '%s'.", authorization.AccessPointID, volume)
	case authorization.AccessPointID != "" && v.RootDirectory != "" && v.RootDirectory != "/":
		return refuse("The root directory of volume '%s' must be omitted or '/' with an access point.", volume)
	case (authorization.AccessPointID != "" || authorization.IAM == enabled) && v.TransitEncryption != enabled:
		return refuse("Transit encryption must be enabled for an EFS access point or IAM authorization. (volume '%s')", volume)
	}
	return nil
}

// folder is where the volume's files are among those of all file systems: an access point and a root directory each have their own.
func (v *efsVolume) folder() []string {
	switch {
	case v.AuthorizationConfig != nil && v.AuthorizationConfig.AccessPointID != "":
		return []string{v.FileSystemID, v.AuthorizationConfig.AccessPointID}
	default:
		return []string{v.FileSystemID, "root", path.Clean("/" + v.RootDirectory)} // no ".." leads out of it
	}
}
